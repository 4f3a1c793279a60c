"""An outlook: what may become of accepted messages, from which the plan of each is drawn.

Spec: SMS_STATE and RESULT_DESC. Spec: Delivery Report (DR) CallBack, Remark. Reading: R21.
"""

from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.chance import Chance
from cloudsms_simulator.engine.delay import Delay, drawn
from cloudsms_simulator.engine.script import Manner, Plan, Step, plan_of, step


class Turn(msgspec.Struct, frozen=True):
    """A step whose time is yet to be drawn; `after` counts from acceptance."""

    state: int
    after: Delay
    final: bool
    lost: bool = False
    manner: Manner | None = None


class Course(msgspec.Struct, frozen=True):
    """The same states for every message, at times of its own."""

    turns: tuple[Turn, ...]


class Mix(msgspec.Struct, frozen=True):
    """One state for each message, by its share in percent; the shares add up to 100.

    A message whose state is not final expires.
    """

    shares: tuple[tuple[int, Decimal], ...]
    delay: Delay


Outlook = Plan | Course | Mix


def plan_for(outlook: Outlook, chance: Chance, rule: str) -> Plan:
    """The plan of one message. A `Plan` is its own; `Course` and `Mix` draw under the name of `rule`."""
    match outlook:
        case Plan():
            return outlook
        case Course(turns):
            return plan_of(*(_step(turn, index, chance, rule) for index, turn in enumerate(turns)))
        case Mix(shares, delay):
            return plan_of(step(_state(shares, chance.draw(rule, "state")), drawn(delay, chance, rule)))


def _step(turn: Turn, index: int, chance: Chance, rule: str) -> Step:
    return Step(turn.state, drawn(turn.after, chance, rule, f"step {index}"), turn.final, turn.lost, turn.manner)


def _state(shares: tuple[tuple[int, Decimal], ...], chance: float) -> int:
    reached = Decimal(0)
    for state, share in shares:
        reached += share
        if chance * 100 < reached:
            return state
    return shares[-1][0]
