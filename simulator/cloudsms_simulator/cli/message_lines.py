"""Messages on a terminal: as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table
from cloudsms_simulator.cli.text_lines import one_line

if TYPE_CHECKING:
    from cloudsms_simulator.client_items import Message

NOTHING = "-"


def _state(message: Message) -> str:
    return message.state_name or NOTHING


MESSAGES: Table[Message] = Table(
    lambda message: message.accepted_at,
    (
        Column("UID", lambda message: message.uid, least=30),
        Column("TO", lambda message: message.to, least=13),
        Column("STATE", _state, least=len("UNDELIVERABLE")),
        Column("SEG", lambda message: str(message.segments), spare=True, right=True),
        Column("COST", lambda message: str(message.cost), least=8, spare=True, right=True),
        Column("TEXT", lambda message: one_line(message.text)),
    ),
)
"""Messages, the moment being that of acceptance; one that has reached no state yet has `-` there."""
