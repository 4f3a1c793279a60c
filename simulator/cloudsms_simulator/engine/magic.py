"""Magic recipients: numbers whose last six digits say what becomes of a request, without any scenario.

What comes before the six digits is free, so that every country's rules for numbers still hold.

Reading: R23.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import msgspec

from cloudsms_simulator.engine.fault import Fault
from cloudsms_simulator.engine.script import Manner, Plan, Step, plan_of, step
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.states import State

SUFFIX = 6
MARK = "555"

_SECOND = timedelta(seconds=1)
_IN_JSON = re.compile(rb'555[0-4][0-9]{2}"')


class Omen(msgspec.Struct, frozen=True):
    """What a magic number stands for: a code, a plan for its message, or a fault of the whole exchange."""

    rule: str
    """`magic 555007`: how it is called where rules are."""
    about: str
    """What it does, for people."""
    code: ResultCode = ResultCode.OK
    plan: Plan | None = None
    fault: Fault | None = None


def omen_of(msisdn: str) -> Omen | None:
    """What a number stands for; None for an ordinary one."""
    return OMENS.get(msisdn[-SUFFIX:]) if msisdn[-SUFFIX:-3] == MARK else None


def may_hold_magic(destinations: bytes) -> bool:
    """Whether a JSON array of destinations may hold a magic number: far cheaper than reading it, no is certain."""
    return b"\\" in destinations or (b"555" in destinations and _IN_JSON.search(destinations) is not None)


def _delivered(manner: Manner | None = None, after: timedelta = _SECOND, *, lost: bool = False) -> Step:
    return Step(State.DELIVERED, after, True, lost, manner)


_CODES = {f"5551{code:02}": ResultCode(code) for code in range(1, 6)} | {
    f"5552{code:02}": ResultCode(0x10000000 + code) for code in (1, 3, 4, 5, 6, 7, 13, 14, 15, 16)
}
_STATES = (*range(1, 10), 60)
_PLANS = {
    "555301": ("its report is lost", plan_of(_delivered(lost=True))),
    "555302": ("its report comes twice", plan_of(_delivered(Manner(copies=2)))),
    "555303": ("ENROUTE comes first", plan_of(step(State.ENROUTE, _SECOND), _delivered(after=2 * _SECOND))),
    "555304": (
        "its report comes before the answer",
        plan_of(_delivered(Manner(before_answer=True), after=timedelta())),
    ),
    "555305": (
        "its reports come out of order",
        plan_of(
            Step(State.ENROUTE, _SECOND, False, manner=Manner(held=2 * _SECOND)),
            _delivered(after=2 * _SECOND),
        ),
    ),
    "555306": ("its report comes after 24 h", plan_of(_delivered(after=timedelta(hours=24)))),
    "555307": ("no final state comes: EXPIRED at 25 h", plan_of()),
}
_FAULTS = {
    "555401": Fault.CONNECTION_RESET_BY_PEER,
    "555402": Fault.EMPTY_RESPONSE,
    "555403": Fault.RANDOM_DATA_THEN_CLOSE,
    "555404": Fault.ACCEPT_THEN_HANG,
    "555405": Fault.PROCESSED_NO_ANSWER,
    "555406": Fault.BROKEN_JSON,
    "555407": Fault.HTTP_500,
    "555408": Fault.HTML_PAGE,
}


def _omens() -> Mapping[str, Omen]:
    omens = {}
    for state in _STATES:
        suffix = f"5550{state:02}"
        about = f"ends as {State(state).name}"
        omens[suffix] = Omen(f"magic {suffix}", about, plan=plan_of(Step(state, _SECOND, True)))
    for suffix, code in _CODES.items():
        omens[suffix] = Omen(f"magic {suffix}", f"is answered {code.name}", code)
    for suffix, (about, plan) in _PLANS.items():
        omens[suffix] = Omen(f"magic {suffix}", about, plan=plan)
    for suffix, fault in _FAULTS.items():
        omens[suffix] = Omen(f"magic {suffix}", f"the exchange ends in {fault}", fault=fault)
    return MappingProxyType(omens)


OMENS = _omens()
"""Every magic suffix."""
