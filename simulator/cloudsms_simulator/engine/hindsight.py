"""Hindsight: what is worked out from the kept bytes only when somebody looks at an accepted exchange.

Traffic in order pays neither for keeping its answers nor for finding its mistakes.

Reading: R17, R20.
"""

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import MOST_FINDINGS, Exchange
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.answer import AllAccepted, encode_accepted
from cloudsms_simulator.protocol.candidate import candidate_of
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.validation import diagnose

_SURPLUS = found(
    "surplus-bytes",
    "connection",
    Told("bytes after the body that are no request"),
    "Content-Length in octets, not characters",
)


def answer_of(exchange: Exchange, messages: tuple[Message, ...]) -> bytes | None:
    """The bytes that were answered, None when nothing was; `messages` are those of an accepted exchange, in order."""
    if exchange.answer is not None or exchange.fault is not None or not isinstance(exchange, Sending) or not messages:
        return exchange.answer
    return encode_accepted(
        AllAccepted(exchange.serial, exchange.received_at, messages, exchange.uids, exchange.profile)
    )


def findings_of(
    exchange: Exchange,
    messages: tuple[Message, ...],
    account: Account | None,
    *,
    clock_is_real: bool,
    longest: int | None = None,
) -> tuple[Finding, ...]:
    """Every finding on an exchange, those on its messages included.

    Of an accepted one whose body is kept in more than `longest` octets the mistakes are not worked out, only that there
    may be some.
    """
    findings = list(exchange.findings or ())
    if exchange.findings is None and longest is not None and len(exchange.kept_body) > longest:
        got, want = f"{len(exchange.kept_body)} octets", f"at most {longest}, or a look at this request alone"
        findings.append(found("not-looked-through", "body", Told(got), want))
    elif exchange.findings is None:
        candidate = candidate_of(uip.decode(exchange.body), account, SPEC)
        around = Circumstances(exchange.body, exchange.headers, exchange.received_at, clock_is_real)
        findings += diagnose(candidate, around)[:MOST_FINDINGS]
    for message in messages:
        if message.reason is not None:
            path = f"$.MULTI_MSISDN_LIST[{message.index}]"
            findings.append(found("local-rejected", path, Told(message.reason), "a message the account may send"))
    if exchange.fault is not None:
        got, want = f'{exchange.fault}, as "{exchange.rule}" says', "a client that copes with it"
        findings.append(found("scripted-fault", "answer", Told(got), want))
    if exchange.surplus:
        findings.append(_SURPLUS)
    return tuple(findings)
