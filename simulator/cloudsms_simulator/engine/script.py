"""A script: what becomes of one accepted message, as steps in time.

Spec: SMS_STATE and RESULT_DESC. Spec: Delivery Report (DR) CallBack, Remark.
"""

from datetime import timedelta
from typing import Literal

import msgspec

from cloudsms_simulator.engine.fault import PushFault
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import State, is_final


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How the report of a step is pushed when it is not pushed plainly, once, and in its turn."""

    copies: int = 1
    """How many times the same report is pushed, one after the other; each push has a SERIAL of its own."""
    held: timedelta = timedelta()
    """How long after its state was reached it is pushed; reports of later states may overtake it meanwhile."""
    before_answer: bool = False
    """The answer to the submission waits for this push, 2 s of wall time at most."""
    serial: int | None = None
    """A SERIAL in place of the account's next one."""
    uid_case: Literal["lower"] | None = None
    """SMS_UID in the other case of letters."""
    extra: tuple[tuple[str, bytes], ...] = ()
    """Keys added at the end, each with its JSON text."""
    omit: frozenset[str] = frozenset()
    """Keys left out, of the packet or of its list's item."""
    desc: str | None = None
    """A RESULT_DESC in place of the state's name."""
    fault: PushFault | None = None
    """What goes wrong with the first attempts."""
    fault_times: int = 1
    """With how many of them."""


class Step(msgspec.Struct, frozen=True):
    """One state a message reaches, `after` its acceptance on the account's clock."""

    state: int
    after: timedelta
    final: bool
    """Whether nothing follows."""
    lost: bool = False
    """The state is reached, but no report of it is ever pushed."""
    manner: Manner | None = None
    forced_at: datetime | None = None
    """When somebody forced it on the message, None of what was planned at its acceptance."""


class Plan(msgspec.Struct, frozen=True):
    """The steps that will happen, in order of time, the last of them final; made by `plan_of`."""

    steps: tuple[Step, ...]
    dropped: tuple[Step, ...] = ()
    """Steps that come too late: the message has expired by then."""

    @property
    def before_answer(self) -> int:
        """How many steps come before the answer to the submission: up to the last that is scripted to."""
        count = 0
        for place, each in enumerate(self.steps, 1):  # asked of every request: a generator would cost more
            if each.manner is not None and each.manner.before_answer:
                count = place
        return count


MAXIMUM_RETURN_TIME = timedelta(hours=24)
"""A final state later than this is late, and says so."""

EXPIRY = timedelta(hours=25)
"""Without a final state by then the message is EXPIRED."""

EXPIRED_AT_LAST = Step(State.EXPIRED, EXPIRY, final=True)


def step(state: int, after: timedelta, *, lost: bool = False) -> Step:
    """A step that is final when the table says the state is, as integers outside the table are."""
    return Step(state, after, is_final(state), lost)


def plan_of(*steps: Step) -> Plan:
    """The plan that steps amount to: nothing after the first final one, and EXPIRED at 25 h without one.

    A final state due at exactly 25 h wins over the expiry; steps due later are dropped.
    """
    in_time = sorted((each for each in steps if each.after <= EXPIRY), key=lambda each: each.after)
    end = next((index + 1 for index, each in enumerate(in_time) if each.final), None)
    if end is not None:
        return Plan(tuple(in_time[:end]))
    return Plan((*in_time, EXPIRED_AT_LAST), tuple(each for each in steps if each.after > EXPIRY))


DELIVERED_AFTER_A_SECOND = plan_of(step(State.DELIVERED, timedelta(seconds=1)))
LOCAL_REJECTION = plan_of(step(State.LOCAL_REJECTED, timedelta(seconds=1)))
