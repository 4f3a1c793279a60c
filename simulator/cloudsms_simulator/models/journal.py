"""Messages, requests, reports and accounts as the admin API shows them.

Names are snake_case, moments ISO 8601 in Hong Kong time, money a pair of strings; AUTH_KEYs are fingerprints wherever
a customer may have written them. Lists cut what is long and say where it is whole.

Spec: none; the admin API is the simulator's own. Reading: R16, R20.
"""

from codecs import getincrementaldecoder
from functools import partial
from typing import Annotated, Literal

import msgspec

from cloudsms_simulator.engine.account import ANY_KEY_OR_ROUTE, Account, AccountState
from cloudsms_simulator.engine.faults import Identity
from cloudsms_simulator.engine.money import Currency, Money
from cloudsms_simulator.engine.records import Attempt, Exchange, Message, Outcome, Report, Sending, TlsFacts
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, hex_code, state_desc
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.masking import fingerprint, mask


class Code(msgspec.Struct, frozen=True):
    """A result code three ways: 268435457, `0x10000001`, `Invalid_parameter`."""

    value: int
    hex: str
    name: str


class MessageItem(msgspec.Struct, frozen=True):
    """A message; `to` is country code and number in one."""

    uid: str
    account: str
    request_id: int
    index: int
    to: str
    country_code: int
    msisdn: str
    source: str
    text: str
    dcs: int
    segments: int
    route: str
    price: Money
    cost: Money
    code: Code
    state: int | None
    state_name: str | None
    final: bool
    refunded: bool
    reason: str | None
    accepted_at: datetime
    final_at: datetime | None
    customer_body: msgspec.Raw | None
    rule: str | None


class RequestItem(msgspec.Struct, frozen=True):
    """An exchange, refused ones and refused handshakes included; bytes that are no UTF-8 are written `\\xe9`.

    `body_base64` is there for a body that is no UTF-8 only. `method`, `target` and `http_version` are null where no
    head of an HTTP request could be read.
    """

    id: int
    account: str | None
    kind: str
    received_at: datetime
    peer: str | None
    connection_id: int | None
    tls: TlsFacts | None
    headers: list[tuple[str, str]]
    http_status: int | None
    code: Code | None
    body: str
    answer: str | None
    findings: tuple[Finding, ...]
    rule: str | None
    fault: str | None
    uids: tuple[str, ...]
    method: str | None = None
    target: str | None = None
    http_version: str | None = None
    body_base64: bytes | None = None


class AttemptItem(msgspec.Struct, frozen=True):
    """One push of a report."""

    serial: int
    at: datetime
    url: str
    request: str
    status: int | None
    body: str
    error: str | None
    findings: tuple[Finding, ...]
    fault: str | None
    """What was made to go wrong with it; `request` is what was meant to be sent."""
    tls: TlsFacts | None
    """What the handshake with the customer's server settled on; None without an answer over TLS."""
    resent: bool
    """Whether somebody asked for it when the report was done already."""
    repeated: bool
    """Whether it went out twice: the server had closed the connection it first went out on, and may have read it."""


class ReportItem(msgspec.Struct, frozen=True):
    """A report with its attempts; `due_at` is when its state was reached."""

    id: str
    uid: str
    account: str
    state: int
    state_name: str
    due_at: datetime
    outcome: Outcome
    next_attempt_at: datetime | None
    attempts: list[AttemptItem]
    findings: tuple[Finding, ...]


class CallbackItem(msgspec.Struct, frozen=True):
    """Where an account's reports go."""

    url: str | None
    retries_s: list[float]
    verify: bool
    concurrency: int
    connect_timeout_s: float
    timeout_s: float
    identity: Identity
    """What is wrong with the certificate that the platform shows; `valid`: nothing."""
    ca: str | None
    """Paths of files on the server's machine, as the configuration has them."""
    client_cert: str | None
    client_key: str | None


class AccountItem(msgspec.Struct, frozen=True):
    """An account with its standing; `prices` by country code, `*` for every other.

    `scenario` is the one it plays, `rules` how many rules and faults it goes by now, its own and the scenario's.
    """

    name: str
    auth_key: str
    profile: str
    routes: list[str]
    directions: list[int] | Literal["all"]
    prices: dict[str, str]
    currency: Currency
    balance: Money | Literal["unlimited"]
    credit_limit: Money
    default_sender: str
    callback: CallbackItem
    now: datetime
    outstanding: int
    seed: int
    scenario: str | None
    rules: int
    whitelist: list[str]
    """Networks that its packets may come from; empty: any."""
    settings: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/AccountSettings"})]
    """Every setting, as a body that changes the account says it. `balance` is what the account starts with."""


def code_item(code: ResultCode) -> Code:
    """Returns a result code as the API shows it."""
    return Code(int(code), hex_code(code), desc_of(code))


def message_item(message: Message, key: str) -> MessageItem:
    """Returns a message as the API shows it; `key` is the account's AUTH_KEY, which a customer may write anywhere."""
    sending = message.sending
    # An account that takes any key: the one that was sent is masked in the kept body, and nobody knows it any more.
    text = sending.masked_text if key == ANY_KEY_OR_ROUTE else _text(mask(sending.text.encode(), key))
    customer_body = sending.shown_customer_body
    return MessageItem(
        uid=message.uid,
        account=sending.account or "",  # messages come of an account's exchanges only
        request_id=sending.request_id,
        index=message.index,
        to=f"{message.country_code}{message.msisdn}",
        country_code=message.country_code,
        msisdn=message.msisdn,
        source=sending.source,
        text=text,
        dcs=sending.segmentation.dcs,
        segments=sending.segmentation.segments,
        route=sending.route_id,
        price=Money(message.price, sending.currency),
        cost=Money(message.cost, sending.currency),
        code=code_item(ResultCode.OK),
        state=message.state,
        state_name=None if message.state is None else state_desc(message.state),
        final=message.final_at is not None,
        refunded=message.refunded,
        reason=message.reason,
        accepted_at=sending.accepted_at,
        final_at=message.final_at,
        customer_body=None if customer_body is None else msgspec.Raw(mask(customer_body, key)),
        rule=message.rule,
    )


_PIECE = 32 * 1024
"""Octets that are decoded to text in one go."""
LONGEST_LISTED = 16 * 1024
"""Octets of a body, of an answer, of a header that a list shows."""


def request_item(
    exchange: Exchange, answer: bytes | None, findings: tuple[Finding, ...], *, whole: bool = True
) -> RequestItem:
    """Returns an exchange as the API shows it, with its answer and findings; without `whole` what is long is cut."""
    text_of = _text if whole else partial(_listed, where=f"/api/v1/requests/{exchange.id}")
    peer = exchange.connection
    return RequestItem(
        id=exchange.id,
        account=exchange.account,
        kind=exchange.kind,
        received_at=exchange.received_at,
        peer=None if peer is None else peer.peer,
        connection_id=None if peer is None else peer.id,
        tls=None if peer is None else peer.tls,
        headers=[(_text(name), text_of(value)) for name, value in exchange.headers],
        http_status=exchange.http_status,
        code=None if exchange.code is None else code_item(exchange.code),
        body=text_of(exchange.body),
        answer=None if answer is None else text_of(answer),
        findings=findings,
        rule=exchange.rule,
        fault=exchange.fault,
        uids=exchange.uids,
        method=None if exchange.line is None else exchange.line.method,
        target=None if exchange.line is None else exchange.line.target,
        http_version=None if exchange.line is None else exchange.line.version,
        body_base64=_no_text(exchange.body, None if whole else LONGEST_LISTED),
    )


def report_item(report: Report, key: str, message: Message | None) -> ReportItem:
    """Returns a report as the API shows it, without the account's `key`.

    `message` is the one it tells of; None when that is not kept any more.
    """
    sending = None if message is None else message.sending
    return ReportItem(
        id=report.id,
        uid=report.uid,
        account=report.account,
        state=report.state,
        state_name=state_desc(report.state),
        due_at=report.reached_at,
        outcome=report.outcome,
        next_attempt_at=report.next_attempt_at,
        attempts=[_attempt_item(attempt, key, sending) for attempt in report.attempts],
        findings=report.findings,
    )


def account_item(account: Account, state: AccountState, now: datetime, settings: msgspec.Raw) -> AccountItem:
    """Returns an account as the API shows it; `settings` are all of its settings as JSON."""
    book = account.rules.book
    return AccountItem(
        name=account.name,
        auth_key=account.auth_key if account.auth_key == "*" else fingerprint(account.auth_key),
        profile=account.profile.name,
        routes=sorted(account.routes),
        directions="all" if account.directions is None else sorted(account.directions),
        prices={"*" if country is None else str(country): f"{price:f}" for country, price in account.prices.items()},
        currency=account.currency,
        balance="unlimited" if state.balance is None else Money(state.balance, account.currency),
        credit_limit=Money(account.credit_limit, account.currency),
        default_sender=account.default_sender,
        callback=CallbackItem(
            account.callback.url,
            [pause.total_seconds() for pause in account.callback.retries],
            account.callback.verify,
            account.callback.concurrency,
            account.callback.connect_timeout.total_seconds(),
            account.callback.timeout.total_seconds(),
            account.callback.identity,
            account.callback.ca,
            account.callback.client_cert,
            account.callback.client_key,
        ),
        now=now,
        outstanding=state.outstanding,
        seed=account.seed,
        scenario=book.name or None,
        rules=len(book.rules) + len(book.faults),
        whitelist=list(map(str, account.whitelist)),
        settings=settings,
    )


def _attempt_item(attempt: Attempt, key: str, sending: Sending | None) -> AttemptItem:
    request = attempt.request
    if sending is not None and sending.customer_body is not None:
        request = request.replace(sending.customer_body, sending.shown_customer_body or b"")
    return AttemptItem(
        serial=attempt.serial,
        at=attempt.at,
        url=attempt.url,
        request=_text(mask(request, key)),
        status=attempt.status,
        body=_text(mask(attempt.body, key)),
        error=attempt.error,
        findings=attempt.findings,
        fault=attempt.fault,
        tls=attempt.tls,
        resent=attempt.resent,
        repeated=attempt.repeated,
    )


def _listed(data: bytes, where: str) -> str:
    """Returns as much of a text as a list shows, then how much is left out, and where all of it is."""
    if len(data) <= LONGEST_LISTED:
        return _text(data)
    left_out = len(data) - LONGEST_LISTED
    return f"{data[:LONGEST_LISTED].decode('utf-8', 'ignore')}… {left_out} octets more, see {where}"


def _text(data: bytes) -> str:
    if len(data) <= _PIECE:
        return data.decode("utf-8", "backslashreplace")
    # Piece by piece: a mebibyte without UTF-8 in it would keep other threads waiting for a quarter of a second.
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    pieces = [decoder.decode(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _no_text(data: bytes, most: int | None) -> bytes | None:
    """Returns the octets of a body that are shown when they are no UTF-8; None when they are."""
    shown = data[:most]
    try:
        getincrementaldecoder("utf-8")().decode(shown, final=len(shown) == len(data))
    except UnicodeDecodeError:
        return shown
    return None
