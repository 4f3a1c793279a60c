"""A rule book: what a scenario says of answers and reports, ready to be asked.

Reading: R21.
"""

from datetime import timedelta
from typing import Literal

import msgspec

from cloudsms_simulator.engine.condition import Condition
from cloudsms_simulator.engine.delay import Delay
from cloudsms_simulator.engine.fault import Fault
from cloudsms_simulator.engine.outlook import Outlook
from cloudsms_simulator.protocol.result_codes import ResultCode

Scope = Literal["destination", "packet"]


class ReplyStep(msgspec.Struct, frozen=True):
    """One reply of a sequence: its code so many times for each recipient, or for ever. `delay` is wall time."""

    code: ResultCode = ResultCode.OK
    times: int | None = None
    delay: Delay | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What is replied to the destinations a condition holds for, and what becomes of their messages.

    A sequence that is used up for a recipient decides nothing for it any more. With the scope `packet` one destination
    that is refused has all of them refused.
    """

    id: str
    condition: Condition = Condition()
    replies: tuple[ReplyStep, ...] = (ReplyStep(),)
    scope: Scope = "destination"
    outlook: Outlook | None = None
    """None: the rule book's own."""
    then: str | None = None
    """The named state the account's rules are in once this rule has decided."""


class FaultRule(msgspec.Struct, frozen=True, kw_only=True):
    """What befalls answers to requests of which a destination fits; the first rule that fits decides."""

    id: str
    condition: Condition = Condition()
    fault: Fault | None = None
    """None: the answer is only late."""
    delay: Delay | None = None
    """Wall time before the answer, or before the fault."""
    processed: bool | None = None
    """Whether the request has its effect; None: as is usual for the fault."""
    times: int | None = None
    """How many requests with the same first recipient it befalls; None: all that fit."""
    over: timedelta | None = None
    """How long a DRIBBLE takes, or ACCEPT_THEN_HANG holds the connection, in wall time."""


class RuleBook(msgspec.Struct, frozen=True, kw_only=True):
    """Rules, faults and what holds without any. The first rule that fits decides."""

    name: str = ""
    rules: tuple[Rule, ...] = ()
    faults: tuple[FaultRule, ...] = ()
    outlook: Outlook | None = None
    """What becomes of accepted messages no rule says anything about; None: what the account's `report` says."""
    states: tuple[str, ...] = ()
    """The named states; the first is where it begins."""
    magic: bool = True
    """Whether numbers that end in a magic suffix mean something."""
    timeline: tuple["Change", ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Another rule book, from a moment after the first was put to use, or once so many messages were accepted."""

    book: RuleBook
    at: timedelta | None = None
    messages: int | None = None


NO_RULES = RuleBook()
