"""Scripting: what the rules have decided, put to use on one request.

Reading: R21, R22.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.fault import MANGLING, PAGES, Fault, Trouble
from cloudsms_simulator.engine.hearing import Hearing, Script, hearing_of
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.script import Plan
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.candidate import Candidate
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.mangling import mangled
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of

_AT_ONCE = timedelta()
_ARRIVES = frozenset({None, Fault.DRIBBLE})
"""Trouble after which the client has the true answer."""

_WITHOUT_A_STATUS = frozenset(
    {
        Fault.CONNECTION_RESET_BY_PEER,
        Fault.EMPTY_RESPONSE,
        Fault.RANDOM_DATA_THEN_CLOSE,
        Fault.ACCEPT_THEN_HANG,
        Fault.PROCESSED_NO_ANSWER,
    }
)

NO_SCRIPTS: Mapping[int, Script] = MappingProxyType({})

LATE = "DELAY"
"""How an exchange calls trouble that is a delay alone."""


def heard(transaction: Transaction, account: Account, candidate: Candidate, now: datetime) -> Hearing:
    """The hearing of a request, what it counts being written by the transaction."""
    since = transaction.standing.rules_since or now
    hearing = hearing_of(account, candidate, transaction.tallies, now, since)
    # Where no rule can count or draw, a magic number leaves no trace: a rule laid down later begins at nothing.
    if not account.is_plain:
        transaction.tallied = hearing.tallies.written
    return hearing


def scripted(hearing: Hearing, candidate: Candidate) -> Mapping[int, Script]:
    """The scripts of the destinations not refused so far; those that a script refuses get their verdict, and why."""
    verdicts = candidate.verdicts
    scripts = hearing.scripts([place for place in range(len(candidate.destinations)) if place not in verdicts])
    for place, script in scripts.items():
        if script.code is not ResultCode.OK:
            verdicts[place] = script.code
            candidate.findings.append(_refusal_of(place, script))
    whole = next((script for script in scripts.values() if script.refuses_all), None)
    if whole is not None:
        for place in scripts:
            if place not in verdicts:
                verdicts[place] = whole.code
                candidate.findings.append(_refusal_of(place, whole))
    return scripts


def rule_of(scripts: Mapping[int, Script]) -> str | None:
    """The rule an exchange is listed under when no fault befell it: the first that decided on a destination."""
    return next((script.rule for script in scripts.values() if script.rule is not None), None)


def delayed(trouble: Trouble | None, scripts: Mapping[int, Script]) -> Trouble | None:
    """The trouble, later by the longest delay of a script."""
    slowest = max(scripts.values(), key=lambda script: script.delay, default=None)
    if slowest is None or slowest.delay <= _AT_ONCE:
        return trouble
    if trouble is None:
        return Trouble(slowest.rule or "", delay=slowest.delay)
    return msgspec.structs.replace(trouble, delay=trouble.delay + slowest.delay)


def reported_before(messages: tuple[Message, ...]) -> tuple[str, ...]:
    """The SMS_UIDs of messages of which a report is to come before the answer."""
    return tuple([message.uid for message in messages if is_reported_before(message.plan)])


def is_reported_before(plan: Plan) -> bool:
    """Whether a report of such messages is to come before the answer."""
    return plan.before_answer > 0


def name_of_trouble(trouble: Trouble) -> str:
    """What an exchange calls it: the fault's name, or DELAY."""
    return LATE if trouble.fault is None else trouble.fault.value


def received(trouble: Trouble, answer: bytes | None) -> bytes | None:
    """The answer as the client gets it, None when nothing of it can be told."""
    if trouble.fault in _ARRIVES:
        return answer
    if trouble.fault is not None and trouble.fault in PAGES:
        return PAGES[trouble.fault]
    if trouble.fault in MANGLING and answer is not None:
        return mangled(trouble.fault.value, answer)
    return None


def status_after(trouble: Trouble) -> int | None:
    """The HTTP status the client gets, None when it gets none."""
    if trouble.fault is Fault.HTTP_500:
        return 500
    return None if trouble.fault in _WITHOUT_A_STATUS else 200


def _refusal_of(place: int, script: Script) -> Finding:
    got = Told(f'{desc_of(script.code)}, as "{script.rule}" says')
    return found("scripted-code", f"$.MULTI_MSISDN_LIST[{place}]", got, "a client that copes with it")
