"""What is sought: messages, exchanges and reports, with what stands beside them when a search asks.

Reading: R17.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Literal

import msgspec

from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.request_checks import echo_of
from cloudsms_simulator.protocol.submission import Destination

Kind = Literal["messages", "requests", "reports"]
Value = Message | Exchange | Report

_VALUE_OCTETS = 1_000
"""What it costs to look at a value, beside its body."""


class Beside(msgspec.Struct, frozen=True):
    """What stands beside a value: the message a report is of, and how to find out what is wrong with an exchange."""

    message: Message | None = None
    findings: Callable[[Exchange], tuple[Finding, ...]] | None = None
    """None: only the findings that were kept count."""
    request: "SoughtRequest | None" = None
    """An exchange as it is sought, for who looks for several things in it: its body is read once."""


ALONE = Beside()


class SoughtRequest:
    """An exchange. What a refused one asked for is read out of its body, as far as that can be read, and only once."""

    def __init__(self, exchange: Exchange, beside: Beside = ALONE) -> None:
        self.exchange = exchange
        self.sending = exchange if isinstance(exchange, Sending) else None
        """The exchange, when messages came of it."""
        self._beside = beside

    @cached_property
    def decoded(self) -> uip.Decoded:
        """Its body, read."""
        return uip.decode(self.exchange.body)

    @property
    def packet(self) -> uip.Packet:
        """What its body says."""
        return self.decoded.packet

    @cached_property
    def destinations(self) -> tuple[Destination, ...]:
        """All that the body names, refused ones included; those that cannot be read are 0 and ""."""
        return tuple([echo_of(entry, SPEC) for entry in uip.listed(self.decoded)])

    @property
    def body(self) -> str:
        """The body as text."""
        return self.exchange.body.decode("utf-8", "backslashreplace")

    @property
    def sender(self) -> tuple[str, ...]:
        """SOURCE_MSISDN, or the ORIGINAL_ADDR that was asked for."""
        return text_in(self.packet.original_addr) if self.sending is None else (self.sending.source,)

    @property
    def route(self) -> tuple[str, ...]:
        """ROUTE_ID."""
        return text_in(self.packet.route_id) if self.sending is None else (self.sending.route_id,)

    @property
    def text(self) -> tuple[str, ...]:
        """The signed text, else SMS_CONTENT, else the whole body."""
        if self.sending is not None:
            return (self.sending.text,)
        return text_in(self.packet.sms_content) or (self.body,)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What was found about it, worked out now where there is somebody to do it."""
        told = self._beside.findings
        return (self.exchange.findings or ()) if told is None else told(self.exchange)


def recipient_of(country_code: int, msisdn: str) -> str:
    """Country code and number in one, as searches write it."""
    return f"{country_code}{msisdn}"


def recipients_of(value: Value, message: Message | None = None) -> tuple[str, ...]:
    """The recipients of a message, of the `message` a report is of, or of an exchange."""
    of = message if isinstance(value, Report) else value
    if isinstance(of, Exchange):
        return tuple([recipient_of(each.country_code, each.msisdn) for each in SoughtRequest(of).destinations])
    return () if of is None else (recipient_of(of.country_code, of.msisdn),)


def name_of(value: Value) -> str | int:
    """What tells a value from all others of its kind."""
    return value.uid if isinstance(value, Message) else value.id


def text_in(value: object) -> tuple[str, ...]:
    """A field of a packet, if it is a text."""
    return (value,) if isinstance(value, str) else ()


def octets_of(value: Value) -> int:
    """The octets that somebody who looks at a value has to read, about."""
    if isinstance(value, Message):
        return _VALUE_OCTETS + len(value.sending.kept_body)
    if isinstance(value, Exchange):
        return _VALUE_OCTETS + len(value.kept_body) + (0 if value.answer is None else len(value.answer))
    return _VALUE_OCTETS + sum([len(attempt.request) + len(attempt.body) for attempt in value.attempts])
