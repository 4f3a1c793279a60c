"""A script: what becomes of one accepted message, as steps in time.

Spec: SMS_STATE and RESULT_DESC. Spec: Delivery Report (DR) CallBack, Remark.
"""

from datetime import timedelta

import msgspec

from cloudsms_simulator.protocol.states import State, is_final


class Step(msgspec.Struct, frozen=True):
    """One state a message reaches, `after` its acceptance on the account's clock."""

    state: int
    after: timedelta
    final: bool
    """Whether nothing follows."""
    lost: bool = False
    """The state is reached, but no report of it is ever pushed."""


class Plan(msgspec.Struct, frozen=True):
    """The steps that will happen, in order of time, the last of them final; made by `plan_of`."""

    steps: tuple[Step, ...]
    dropped: tuple[Step, ...] = ()
    """Steps that come too late: the message has expired by then."""


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
