"""`cloudsms-simulator messages`: what was accepted, and what became of it."""

from __future__ import annotations

import click
import msgspec

from cloudsms_simulator.cli.message_lines import MESSAGES
from cloudsms_simulator.cli.noun import Noun, add_export, add_journal
from cloudsms_simulator.client_items import Message

NOUN = Noun[Message](
    name="messages",
    about=MESSAGES,
    id_of=lambda message: message.uid,
    journal=lambda api: api.messages,
    read=lambda items: msgspec.convert(items, list[Message]),
    example="to:852*",
)


@click.group
def messages() -> None:
    """List, show, await and export messages.

    A message is one SMS to one number, and has an SMS_UID. A search is written as everywhere:
    to:852* state:DELIVERED -content:code after:10m
    """


add_journal(messages, NOUN)
add_export(messages, NOUN)
