"""Refusals: what is answered, and what is kept, when nothing comes of a packet.

A refused packet is answered with its code; one that a fault struck before it was processed has no answer.

Spec: Response UIP Format. Reading: R4, R22.
"""

from itertools import islice

import msgspec

from cloudsms_simulator.engine.arrival import Arrival, Diagnosis, Reply
from cloudsms_simulator.engine.echo import echoed_serial, echoes_of
from cloudsms_simulator.engine.exchange import MOST_FINDINGS, Exchange
from cloudsms_simulator.engine.fault import Trouble
from cloudsms_simulator.engine.scripting import name_of_trouble, received, status_after
from cloudsms_simulator.engine.secrecy import rings_of, without_keys
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.answer import Answer, AnswerItem, encode
from cloudsms_simulator.protocol.candidate import Candidate, Refusal, readable_key
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.masking import hide, mask
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.sms_uid import issue
from cloudsms_simulator.protocol.validation import diagnose

_LONG = 32 * 1024
"""Octets of a body that takes a while to be masked."""


def refuse(
    transaction: Transaction,
    candidate: Candidate,
    arrival: Arrival,
    now: datetime,
    refusal: Refusal,
    *,
    known: KeyRing,
    by_gateway: bool = False,
    trouble: Trouble | None = None,
    diagnosis: Diagnosis | None = None,
) -> Reply:
    """The refusal of a whole packet: an item with its code, and a fresh SMS_UID, for each entry that can be echoed.

    `known` are the AUTH_KEYs of all accounts. `by_gateway`: checks 1 to 9 refused it. `trouble` may spoil the refusal
    as it may any answer. `diagnosis` is that of the packet, if it was worked out.
    """
    echoes = echoes_of(candidate)
    sequence, uids = issue(transaction.standing.uids, now, len(echoes), candidate.profile.uid_style)
    transaction.standing = msgspec.structs.replace(transaction.standing, uids=sequence)
    items = tuple(
        AnswerItem(each.country_code, each.msisdn, uid, refusal.code) for each, uid in zip(echoes, uids, strict=True)
    )
    answer = encode(Answer(echoed_serial(candidate), now, refusal.code, items, by_gateway), candidate.profile)
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
        200 if trouble is None else status_after(trouble),
        refusal.code,
        kept.body,
        kept_answer(answer if trouble is None else received(trouble, answer), known),
        kept.findings,
        surplus=arrival.surplus,
        line=arrival.line,
        rule=None if trouble is None else trouble.rule,
        fault=None if trouble is None else name_of_trouble(trouble),
    )
    return Reply(answer, refusal.code, transaction.request_id, trouble=trouble)


def strike(
    transaction: Transaction,
    candidate: Candidate,
    arrival: Arrival,
    now: datetime,
    trouble: Trouble,
    *,
    known: KeyRing,
    diagnosis: Diagnosis | None = None,
) -> Reply:
    """A fault before anything is processed: what is kept is that the packet came, and what befell it."""
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
        status_after(trouble),
        None,
        kept.body,
        received(trouble, None),
        kept.findings,
        surplus=arrival.surplus,
        line=arrival.line,
        rule=trouble.rule,
        fault=name_of_trouble(trouble),
    )
    return Reply(None, None, transaction.request_id, trouble=trouble)


def diagnosis_of(
    candidate: Candidate,
    arrival: Arrival,
    now: datetime,
    first: tuple[Finding, ...],
    known: KeyRing,
    *,
    clock_is_real: bool,
) -> Diagnosis:
    """What is kept of a packet, of its findings `first` before the rest. Takes nothing that another request changes."""
    body = mask(arrival.body, readable_key(candidate.packet), known)
    if len(body) > _LONG and candidate.decoded.form == "object" and not candidate.decoded.offset:
        # Findings quote a masked body, and masking it again takes little time.
        arrival = msgspec.structs.replace(arrival, body=body)
    return Diagnosis(body, findings_at_once(candidate, arrival, now, first, known, clock_is_real=clock_is_real))


def with_first(diagnosis: Diagnosis | None, first: tuple[Finding, ...], known: KeyRing) -> Diagnosis | None:
    """A diagnosis with what decided before the rest, which was not known when it was worked out; None of none."""
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


def kept_answer(answer: bytes | None, known: KeyRing) -> bytes | None:
    """An answer as it is kept: a number that it echoes may be an AUTH_KEY."""
    return None if answer is None else hide(answer, known)
