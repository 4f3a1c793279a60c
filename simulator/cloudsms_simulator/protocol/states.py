"""The states: what became of a message, as its delivery reports say.

Spec: SMS_STATE and RESULT_DESC.
"""

from enum import IntEnum

import msgspec


class State(IntEnum):
    """The ten states of the table. A scenario may send any other integer; it is final unless said otherwise."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    IDLE = 9
    LOCAL_REJECTED = 60


class StateRow(msgspec.Struct, frozen=True):
    """One row of the table; `final` tells whether nothing follows."""

    state: State
    description: str
    final: bool


STATES: tuple[StateRow, ...] = (
    StateRow(State.ENROUTE, "Message is transmitting", final=False),
    StateRow(State.DELIVERED, "Message has arrived", final=True),
    StateRow(State.EXPIRED, "Message timeout", final=True),
    StateRow(State.DELETED, "Message deleted", final=True),
    StateRow(State.UNDELIVERABLE, "Message cannot be delivered", final=True),
    StateRow(
        State.ACCEPTED,
        "The message has been received (for example, it has been manually read by customer service on behalf of "
        "the user)",
        final=True,
    ),
    StateRow(State.UNKNOWN, "Invalid message status", final=True),
    StateRow(State.REJECTED, "Message rejected", final=True),
    StateRow(State.IDLE, "Message is being processed", final=False),
    StateRow(State.LOCAL_REJECTED, "SMS is rejected locally by CloudSMS platform", final=True),
)

_NAMES = {int(row.state): row.state.name for row in STATES}
_UNKNOWN = State.UNKNOWN.name
_INTERMEDIATE = frozenset(int(row.state) for row in STATES if not row.final)


def name_of(state: int) -> str:
    """RESULT_DESC of a state: its name, or `UNKNOWN` for an integer outside the table. At most 32 octets."""
    return _NAMES.get(state, _UNKNOWN)


def is_final(state: int) -> bool:
    """Whether a message that reached this state stays there: all but ENROUTE and IDLE."""
    return state not in _INTERMEDIATE
