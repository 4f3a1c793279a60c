"""Plans: what becomes of one accepted message, as steps in time, and what such a plan is drawn from.

A `Plan` is the states that a message will reach, each `Step` with the time after its acceptance and how its report is
pushed (`ReportOptions`); `plan_of` makes one, which ends with a final state or with EXPIRED at 25 h. What may become of
messages is an `Outlook`: a plan that is the same for all, a `PlanTemplate` whose steps have times yet to be drawn, or a
`Mix` of states by their shares. `plan_for` draws the plan of one message.

Draws come out the same whenever the same is asked, so that every outcome can be replayed: a `Chance` depends on a seed,
the rule that asks, the recipient, and how many destinations were seen for that recipient, and not on which thread or
connection came first. A `Delay` is fixed, listed, or drawn from a distribution.

Spec: SMS_STATE and RESULT_DESC. Spec: Delivery Report (DR) CallBack, Remark. Reading: R21.
"""

import math
from datetime import timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Literal

import msgspec

from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import State, is_final

_SURPLUS_BITS = 11
_SCALE = 2.0**-53
"""A float holds 53 bits; with all 64 of them the largest draws would be rounded up to 1."""


class Chance(msgspec.Struct, frozen=True):
    """What a draw depends on. `n` counts the destinations seen for `recipient`, this one included: 1 at first."""

    seed: int
    recipient: str
    n: int

    def draw(self, rule: str, purpose: str = "") -> float:
        """A number from 0 up to, but not including, 1. Rules, and purposes of one rule, draw independently."""
        said = "\0".join((str(self.seed), rule, self.recipient, str(self.n), purpose))
        digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return (int.from_bytes(digest) >> _SURPLUS_BITS) * _SCALE


LONGEST_DRAWN_DELAY = timedelta(days=7)
"""The tail of a distribution is cut off here: long after the longest a message can wait for its final state."""

_ALMOST_NONE = 1e-12
"""Stands for a draw of 0, of which the normal distribution has no value."""


class Fixed(msgspec.Struct, frozen=True):
    """A delay that is always the same."""

    value: timedelta


class Uniform(msgspec.Struct, frozen=True):
    """A delay between two limits, all of them as likely."""

    lower: timedelta
    upper: timedelta


class Lognormal(msgspec.Struct, frozen=True):
    """A delay of which half of the draws are below the median; the larger `sigma`, the longer the tail.

    No draw is below `minimum`.
    """

    median: timedelta
    sigma: float
    minimum: timedelta = timedelta()


class Listed(msgspec.Struct, frozen=True):
    """One delay after the other, and then again: the n-th for the n-th destination seen for a recipient."""

    values: tuple[timedelta, ...]


Delay = Fixed | Uniform | Lognormal | Listed


def bounds_of_delay(delay: Delay) -> tuple[timedelta, timedelta]:
    """Returns the shortest and the longest delay that can be drawn."""
    match delay:
        case Fixed(value):
            return value, value
        case Listed(values):
            return min(values), max(values)
        case Uniform(lower, upper):
            return lower, upper
        case Lognormal(_, _, minimum):
            return minimum, max(LONGEST_DRAWN_DELAY, minimum)


def draw_delay(delay: Delay, chance: Chance, rule: str, purpose: str = "delay") -> timedelta:
    """Draws one delay, in whole microseconds. A `Lognormal` never draws more than `LONGEST_DRAWN_DELAY`."""
    match delay:
        case Fixed(value):
            return value
        case Listed(values):
            return values[(chance.n - 1) % len(values)]
        case Uniform(lower, upper):
            return lower + (upper - lower) * chance.draw(rule, purpose)
        case Lognormal(median, sigma, minimum):
            # Imported when such a delay is drawn: few need it, and it brings half of the library along.
            from statistics import NormalDist

            deviation = NormalDist().inv_cdf(max(chance.draw(rule, purpose), _ALMOST_NONE))
            factor = math.exp(min(sigma * deviation, 100.0))
            seconds = min(median.total_seconds() * factor, LONGEST_DRAWN_DELAY.total_seconds())
            return max(timedelta(seconds=seconds), minimum)


class ReportOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the report of a step is pushed when it is not pushed plainly: once, as it is, when it is due."""

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
    """How many attempts go wrong."""


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One state a message reaches, `after` its acceptance on the account's clock."""

    state: int
    after: timedelta
    final: bool
    """Whether nothing follows."""
    lost: bool = False
    """The state is reached, but no report of it is ever pushed."""
    manner: ReportOptions | None = None
    """How its report is pushed; None: plainly."""
    forced_at: datetime | None = None
    """When somebody forced it on the message; None for a step that was planned at its acceptance."""


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """The steps that will happen, in order of time, the last of them final; made by `plan_of`."""

    steps: tuple[Step, ...]
    dropped: tuple[Step, ...] = ()
    """Steps that come too late: the message has expired by then."""

    @property
    def before_answer(self) -> int:
        """How many steps come before the answer to the submission: up to the last whose report is to."""
        count = 0
        for number, each in enumerate(self.steps, 1):  # asked of every request: a generator would cost more
            if each.manner is not None and each.manner.before_answer:
                count = number
        return count


MAXIMUM_RETURN_TIME = timedelta(hours=24)
"""A final state that comes later gets a finding that says so."""

EXPIRY = timedelta(hours=25)
"""A message without a final state by then is EXPIRED."""

EXPIRED_AT_LAST = Step(State.EXPIRED, EXPIRY, final=True)


def step(state: int, after: timedelta, *, lost: bool = False) -> Step:
    """Makes a step that is final when the table says the state is, as integers outside the table are."""
    return Step(state, after, is_final(state), lost)


def plan_of(*steps: Step) -> Plan:
    """Makes a plan of steps: nothing comes after the first final one, and EXPIRED at 25 h without one.

    A final state due at exactly 25 h wins over the expiry; steps due later are dropped.
    """
    in_time = sorted((each for each in steps if each.after <= EXPIRY), key=lambda each: each.after)
    end = next((index + 1 for index, each in enumerate(in_time) if each.final), None)
    if end is not None:
        return Plan(tuple(in_time[:end]))
    return Plan((*in_time, EXPIRED_AT_LAST), tuple(each for each in steps if each.after > EXPIRY))


DELIVERED_AFTER_A_SECOND = plan_of(step(State.DELIVERED, timedelta(seconds=1)))
LOCAL_REJECTION = plan_of(step(State.LOCAL_REJECTED, timedelta(seconds=1)))


class StepTemplate(msgspec.Struct, frozen=True):
    """A step whose time is yet to be drawn; `after` counts from acceptance."""

    state: int
    after: Delay
    final: bool
    lost: bool = False
    manner: ReportOptions | None = None


class PlanTemplate(msgspec.Struct, frozen=True):
    """The same states for every message, at times that are drawn for each."""

    steps: tuple[StepTemplate, ...]


class Mix(msgspec.Struct, frozen=True):
    """One state for each message, by its share in percent; the shares add up to 100.

    A message whose state is not final expires.
    """

    shares: tuple[tuple[int, Decimal], ...]
    delay: Delay


Outlook = Plan | PlanTemplate | Mix


def plan_for(outlook: Outlook, chance: Chance, rule: str) -> Plan:
    """Returns the plan of one message. `PlanTemplate` and `Mix` draw it, under the name of `rule`; a `Plan` is it."""
    match outlook:
        case Plan():
            return outlook
        case PlanTemplate(templates):
            return plan_of(*(_step_drawn(each, index, chance, rule) for index, each in enumerate(templates)))
        case Mix(shares, delay):
            return plan_of(step(_state_drawn(shares, chance.draw(rule, "state")), draw_delay(delay, chance, rule)))


def _step_drawn(template: StepTemplate, index: int, chance: Chance, rule: str) -> Step:
    after = draw_delay(template.after, chance, rule, f"step {index}")
    return Step(template.state, after, template.final, template.lost, template.manner)


def _state_drawn(shares: tuple[tuple[int, Decimal], ...], chance: float) -> int:
    reached = Decimal(0)
    for state, share in shares:
        reached += share
        if chance * 100 < reached:
            return state
    return shares[-1][0]
