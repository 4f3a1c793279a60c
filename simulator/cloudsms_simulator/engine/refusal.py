"""Refusals: what is answered, and what is kept, when nothing comes of a packet.

A refused packet is answered with its code (`refuse_packet`); one that a fault struck before it was processed has no
answer (`record_unprocessed`). What is kept of either is its masked body and everything worth telling about it. Two
reasons to refuse are the engine's own: more packets in a second than the account may send (`within_rate`), and more
reports outstanding than it may have (`refuse_beyond_queue`).

Spec: Response UIP Format. Spec: RESULT_CODE and RESULT_DESC, Busy and Queue_too_large. Reading: R4, R7, R15, R22.
"""

from itertools import islice

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.evaluation import answer_received, name_of_fault, status_received
from cloudsms_simulator.engine.faults import AnswerFault
from cloudsms_simulator.engine.records import MOST_FINDINGS, Exchange, rings_of, without_keys
from cloudsms_simulator.engine.transaction import Arrival, Diagnosis, Reply, Transaction
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.answer import Answer, AnswerItem, echoed_serial, echoes_of, encode_answer, issue_uids
from cloudsms_simulator.protocol.candidate import Candidate, Refusal, readable_key, refused
from cloudsms_simulator.protocol.checks import diagnose
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.masking import KeyRing, hide, mask
from cloudsms_simulator.protocol.mistakes import Circumstances


def within_rate(transaction: Transaction, account: Account, now: datetime) -> Refusal | None:
    """Counts a packet, and returns a refusal when it is one too many; the limit is in packets per second of the
    account's clock."""
    if account.rate_limit is None:
        return None
    state = transaction.standing
    second = now.replace(microsecond=0)
    packets = state.packets + 1 if state.second == second else 1
    transaction.standing = msgspec.structs.replace(state, second=second, packets=packets)
    if packets <= account.rate_limit:
        return None
    want = f"at most {account.rate_limit} packets a second"
    return refused(ResultCode.BUSY, found("rate-limited", "connection", Told(f"packet {packets} of this second"), want))


def refuse_beyond_queue(transaction: Transaction, limit: int, candidate: Candidate) -> None:
    """Refuses the destinations for which the queue of at most so many pending reports has no room."""
    room = limit - transaction.standing.outstanding
    for index in range(len(candidate.destinations)):
        if index in candidate.verdicts:
            continue
        room -= 1
        if room < 0:
            candidate.verdicts[index] = ResultCode.QUEUE_TOO_LARGE
            got, want = f"{transaction.standing.outstanding} reports pending", f"at most {limit}"
            candidate.findings.append(found("queue-full", f"$.MULTI_MSISDN_LIST[{index}]", Told(got), want))


_LONG_BODY = 32 * 1024
"""A body of more octets takes a while to be masked."""


def refuse_packet(
    transaction: Transaction,
    candidate: Candidate,
    arrival: Arrival,
    now: datetime,
    refusal: Refusal,
    *,
    known: KeyRing,
    by_gateway: bool = False,
    fault: AnswerFault | None = None,
    diagnosis: Diagnosis | None = None,
) -> Reply:
    """Refuses a whole packet: an item with its code, and a fresh SMS_UID, for each entry that can be echoed.

    `known` are the AUTH_KEYs of all accounts. `by_gateway`: checks 1 to 9 refused it. `fault` may spoil the refusal
    as it may any answer. `diagnosis` is that of the packet, if it was worked out.
    """
    echoes = echoes_of(candidate)
    sequence, uids = issue_uids(transaction.standing.uids, now, len(echoes), candidate.profile.uid_style)
    transaction.standing = msgspec.structs.replace(transaction.standing, uids=sequence)
    items = tuple(
        AnswerItem(each.country_code, each.msisdn, uid, refusal.code) for each, uid in zip(echoes, uids, strict=True)
    )
    answer = encode_answer(Answer(echoed_serial(candidate), now, refusal.code, items, by_gateway), candidate.profile)
    kept = diagnosis or diagnosis_of(
        candidate, arrival, now, refusal.findings, known, clock_is_real=transaction.standing.clock.is_real
    )
    transaction.exchange = Exchange(
        transaction.request_id,
        None if transaction.account is None else transaction.account.name,
        "uip",
        now,
        arrival.connection,
        arrival.headers,
        200 if fault is None else status_received(fault),
        refusal.code,
        kept.body,
        answer_without_keys(answer if fault is None else answer_received(fault, answer), known),
        kept.findings,
        surplus=arrival.surplus,
        line=arrival.line,
        rule=None if fault is None else fault.rule,
        fault=None if fault is None else name_of_fault(fault),
    )
    return Reply(answer, refusal.code, transaction.request_id, trouble=fault)


def record_unprocessed(
    transaction: Transaction,
    candidate: Candidate,
    arrival: Arrival,
    now: datetime,
    fault: AnswerFault,
    *,
    known: KeyRing,
    diagnosis: Diagnosis | None = None,
) -> Reply:
    """Keeps that a packet came, and the fault that befell it before anything was processed."""
    kept = diagnosis or diagnosis_of(
        candidate, arrival, now, (), known, clock_is_real=transaction.standing.clock.is_real
    )
    transaction.exchange = Exchange(
        transaction.request_id,
        None if transaction.account is None else transaction.account.name,
        "uip",
        now,
        arrival.connection,
        arrival.headers,
        status_received(fault),
        None,
        kept.body,
        answer_received(fault, None),
        kept.findings,
        surplus=arrival.surplus,
        line=arrival.line,
        rule=fault.rule,
        fault=name_of_fault(fault),
    )
    return Reply(None, None, transaction.request_id, trouble=fault)


def diagnosis_of(
    candidate: Candidate,
    arrival: Arrival,
    now: datetime,
    first: tuple[Finding, ...],
    known: KeyRing,
    *,
    clock_is_real: bool,
) -> Diagnosis:
    """Works out what is kept of a packet, of its findings `first` before the rest.

    It reads nothing that another request can change.
    """
    body = mask(arrival.body, readable_key(candidate.packet), known)
    if len(body) > _LONG_BODY and candidate.decoded.form == "object" and not candidate.decoded.offset:
        # Findings quote a masked body, and masking it again takes little time.
        arrival = msgspec.structs.replace(arrival, body=body)
    return Diagnosis(body, findings_at_once(candidate, arrival, now, first, known, clock_is_real=clock_is_real))


def with_findings_first(diagnosis: Diagnosis | None, first: tuple[Finding, ...], known: KeyRing) -> Diagnosis | None:
    """Returns a diagnosis with the findings that decided before the rest; they were not known when it was worked out.

    None without a diagnosis.
    """
    if diagnosis is None:
        return None
    told = dict.fromkeys((*(without_keys(each, (known,)) for each in first), *diagnosis.findings))
    return Diagnosis(diagnosis.body, tuple(told)[:MOST_FINDINGS])


def findings_at_once(
    candidate: Candidate,
    arrival: Arrival,
    now: datetime,
    first: tuple[Finding, ...],
    known: KeyRing,
    *,
    clock_is_real: bool,
) -> tuple[Finding, ...]:
    """Everything worth telling about a packet, `first` before the rest; what of it quotes an AUTH_KEY is masked."""
    told = diagnose(candidate, Circumstances(arrival.body, arrival.headers, now, clock_is_real), first)
    rings = rings_of(known, readable_key(candidate.packet))
    return tuple(without_keys(each, rings) for each in islice(told, MOST_FINDINGS))


def answer_without_keys(answer: bytes | None, known: KeyRing) -> bytes | None:
    """An answer as it is kept: a number that it echoes may be an AUTH_KEY."""
    return None if answer is None else hide(answer, known)
