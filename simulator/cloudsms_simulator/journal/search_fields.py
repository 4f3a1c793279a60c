"""What a search can ask for: the fields by name, and where each stands in messages, requests and reports.

`FIELDS` has a row for each field; of a record that has several values, such as the recipients of a batch, one that
fits is enough. A `SearchContext` holds what stands beside a record: a report's message (whose fields it has too), and
how to find out what is wrong with an exchange. What a refused exchange asked for is read out of its body, as far as
that can be read, and only once (`SearchableRequest`).

Spec: none; this is how the simulator is searched. Reading: R17.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import Generic, Literal, TypeVar, get_args

import msgspec

from cloudsms_simulator.engine.diagnosis import otp_in
from cloudsms_simulator.engine.records import Exchange, Message, Outcome, Report, Sending
from cloudsms_simulator.engine.records import ExchangeKind as RequestKind
from cloudsms_simulator.journal import search_syntax as values
from cloudsms_simulator.journal.search_syntax import TermReader, ValueTest
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import packet as packet_module
from cloudsms_simulator.protocol.checks import echo_of
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, is_final, state_desc
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.packet import Destination
from cloudsms_simulator.protocol.profile import SPEC

JournalKind = Literal["messages", "requests", "reports"]
JournalRecord = Message | Exchange | Report

_VALUE_OCTETS = 1_000
"""What it costs to look at a value, beside its body."""


class SearchContext(msgspec.Struct, frozen=True):
    """What stands beside a value: the message a report is of, and how to find out what is wrong with an exchange."""

    message: Message | None = None
    findings: Callable[[Exchange], tuple[Finding, ...]] | None = None
    """None: only the findings that were kept count."""
    request: "SearchableRequest | None" = None
    """An exchange as it is sought, for who looks for several things in it: its body is read once."""


NO_CONTEXT = SearchContext()


class SearchableRequest:
    """An exchange. What a refused one asked for is read out of its body, as far as that can be read, and only once."""

    def __init__(self, exchange: Exchange, beside: SearchContext = NO_CONTEXT) -> None:
        self.exchange = exchange
        self.sending = exchange if isinstance(exchange, Sending) else None
        """The exchange, when messages came of it."""
        self._beside = beside

    @cached_property
    def decoded(self) -> packet_module.Decoded:
        """Its body, read."""
        return packet_module.decode(self.exchange.body)

    @property
    def packet(self) -> packet_module.Packet:
        """What its body says."""
        return self.decoded.packet

    @cached_property
    def destinations(self) -> tuple[Destination, ...]:
        """All that the body names, refused ones included; those that cannot be read are 0 and ""."""
        return tuple([echo_of(entry, SPEC) for entry in packet_module.listed(self.decoded)])

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


def recipients_of(value: JournalRecord, message: Message | None = None) -> tuple[str, ...]:
    """The recipients of a message, of the `message` a report is of, or of an exchange."""
    of = message if isinstance(value, Report) else value
    if isinstance(of, Exchange):
        return tuple([recipient_of(each.country_code, each.msisdn) for each in SearchableRequest(of).destinations])
    return () if of is None else (recipient_of(of.country_code, of.msisdn),)


def record_id(value: JournalRecord) -> str | int:
    """What tells a value from all others of its kind."""
    return value.uid if isinstance(value, Message) else value.id


def text_in(value: object) -> tuple[str, ...]:
    """A field of a packet, if it is a text."""
    return (value,) if isinstance(value, str) else ()


def octets_of(value: JournalRecord) -> int:
    """The octets that somebody who looks at a value has to read, about."""
    if isinstance(value, Message):
        return _VALUE_OCTETS + len(value.sending.kept_body)
    if isinstance(value, Exchange):
        return _VALUE_OCTETS + len(value.kept_body) + (0 if value.answer is None else len(value.answer))
    return _VALUE_OCTETS + sum([len(attempt.request) + len(attempt.body) for attempt in value.attempts])


FieldValue = TypeVar("FieldValue")
RecordCheck = Callable[[JournalRecord, SearchContext], bool]
RecordTexts = Callable[[JournalRecord, SearchContext], tuple[str, ...]]

NONE_WORD = "none"
"""`rule:none` finds what has no rule."""


class SearchField(msgspec.Struct, Generic[FieldValue], frozen=True, kw_only=True):
    """One field: how its value in a search is read, and where it stands in each kind; None where there is none."""

    read: TermReader[FieldValue]
    messages: Callable[[Message], tuple[FieldValue, ...]] | None = None
    requests: Callable[[SearchableRequest], tuple[FieldValue, ...]] | None = None
    reports: Callable[[Report], tuple[FieldValue, ...]] | None = None
    shown: Callable[[FieldValue], str] = str
    optional: bool = False
    """Whether `none` stands for there being none."""
    effort: int = 0
    """Fields of less effort are asked first."""

    @property
    def kinds(self) -> tuple[JournalKind, ...]:
        """What has the field."""
        found: dict[JournalKind, bool] = {
            "messages": self.messages is not None,
            "requests": self.requests is not None,
            "reports": self.reports is not None or self.messages is not None,
        }
        return tuple(kind for kind, there in found.items() if there)

    def values_of(self, value: JournalRecord, beside: SearchContext) -> tuple[FieldValue, ...]:
        """The field's values; empty when there are none."""
        if isinstance(value, Message):
            return () if self.messages is None else self.messages(value)
        if isinstance(value, Exchange):
            return () if self.requests is None else self.requests(beside.request or SearchableRequest(value, beside))
        if self.reports is not None:
            return self.reports(value)
        return () if self.messages is None or beside.message is None else self.messages(beside.message)

    def asked(self, pattern: str, now: datetime) -> tuple[RecordCheck, str]:
        """What a value in a search asks, and the value as it would be read again; ValueError as the reader raises."""
        if self.optional and pattern == NONE_WORD:
            return lambda value, beside: not self.values_of(value, beside), NONE_WORD
        test, written = self.read(pattern, now)
        return self._check(test), written

    def told(self, value: JournalRecord, beside: SearchContext) -> tuple[str, ...]:
        """The field's values for people."""
        return tuple([self.shown(each) for each in self.values_of(value, beside)])

    def _check(self, test: ValueTest[FieldValue]) -> RecordCheck:
        def check(value: JournalRecord, beside: SearchContext) -> bool:
            found = self.values_of(value, beside)
            return test(found[0]) if len(found) == 1 else any(map(test, found))

        return check


T = TypeVar("T")

AnyField = SearchField[str] | SearchField[int] | SearchField[int | Decimal] | SearchField[bool] | SearchField[datetime]


def _one(value: T | None) -> tuple[T, ...]:
    return () if value is None else (value,)


def _findings_of(report: Report) -> tuple[str, ...]:
    told = (*report.findings, *chain.from_iterable(attempt.findings for attempt in report.attempts))
    return tuple([finding.rule for finding in told])


def _code_text(code: int) -> str:
    return desc_of(ResultCode(code))


_TEXT = SearchField[str](
    read=values.read_text_term, messages=lambda each: (each.sending.text,), requests=lambda each: each.text, effort=2
)
_SENDER = SearchField[str](
    read=values.read_glob_term, messages=lambda each: (each.sending.source,), requests=lambda each: each.sender
)
_NUMBER = SearchField[str](
    read=values.read_msisdn_term,
    messages=lambda each: (each.msisdn,),
    requests=lambda each: tuple([to.msisdn for to in each.destinations]),
    effort=1,
)
_AT: Mapping[str, TermReader[datetime]] = {"after": values.read_after_term, "before": values.read_before_term}

SEARCH_FIELDS: Mapping[str, AnyField] = {
    "uid": SearchField[str](
        read=values.read_glob_term,
        messages=lambda each: (each.uid,),
        requests=lambda each: each.exchange.uids,
        reports=lambda each: (each.uid,),
    ),
    "to": SearchField[str](
        read=values.read_msisdn_term,
        messages=lambda each: (recipient_of(each.country_code, each.msisdn),),
        requests=lambda each: tuple([recipient_of(to.country_code, to.msisdn) for to in each.destinations]),
        effort=1,
    ),
    "country": SearchField[int | Decimal](
        read=values.read_number_term,
        messages=lambda each: (each.country_code,),
        requests=lambda each: tuple([to.country_code for to in each.destinations]),
    ),
    "msisdn": _NUMBER,
    "sender": _SENDER,
    "route": SearchField[str](
        read=values.read_glob_term, messages=lambda each: (each.sending.route_id,), requests=lambda each: each.route
    ),
    "text": _TEXT,
    "otp": SearchField[str](
        read=values.read_glob_term, messages=lambda each: _one(otp_in(each.sending.text)), optional=True, effort=2
    ),
    "state": SearchField[int](
        read=values.read_state_term,
        messages=lambda each: _one(each.state),
        reports=lambda each: (each.state,),
        shown=state_desc,
        optional=True,
    ),
    "code": SearchField[int](
        read=values.read_code_term,
        messages=lambda each: (ResultCode.OK,),
        requests=lambda each: _one(each.exchange.code),
        shown=_code_text,
        optional=True,
    ),
    "rule": SearchField[str](
        read=values.read_glob_term,
        messages=lambda each: _one(each.rule),
        requests=lambda each: _one(each.exchange.rule),
        optional=True,
    ),
    "fault": SearchField[str](
        read=values.read_glob_term,
        messages=lambda each: _one(each.sending.fault),
        requests=lambda each: _one(each.exchange.fault),
        reports=lambda each: tuple([one.fault for one in each.attempts if one.fault is not None]),
        optional=True,
    ),
    "finding": SearchField[str](
        read=values.read_glob_term,
        requests=lambda each: tuple([finding.rule for finding in each.findings]),
        reports=lambda each: _findings_of(each),
        optional=True,
        effort=3,
    ),
    "account": SearchField[str](
        read=values.read_glob_term,
        messages=lambda each: _one(each.sending.account),
        requests=lambda each: _one(each.exchange.account),
        reports=lambda each: (each.account,),
        optional=True,
    ),
    "kind": SearchField[str](
        read=values.word_term_reader(get_args(RequestKind)), requests=lambda each: (each.exchange.kind,)
    ),
    "outcome": SearchField[str](read=values.word_term_reader(get_args(Outcome)), reports=lambda each: (each.outcome,)),
    "segments": SearchField[int | Decimal](
        read=values.read_number_term,
        messages=lambda each: (each.sending.segmentation.segments,),
        requests=lambda each: () if each.sending is None else (each.sending.segmentation.segments,),
    ),
    "dcs": SearchField[int | Decimal](
        read=values.read_number_term,
        messages=lambda each: (each.sending.segmentation.dcs,),
        requests=lambda each: () if each.sending is None else (each.sending.segmentation.dcs,),
    ),
    "cost": SearchField[int | Decimal](read=values.read_number_term, messages=lambda each: (each.cost,)),
    "index": SearchField[int | Decimal](read=values.read_number_term, messages=lambda each: (each.index,)),
    "reason": SearchField[str](read=values.read_text_term, messages=lambda each: _one(each.reason), optional=True),
    "request": SearchField[int | Decimal](
        read=values.read_number_term,
        messages=lambda each: (each.sending.request_id,),
        requests=lambda each: (each.exchange.id,),
    ),
    "serial": SearchField[int | Decimal](
        read=values.read_number_term,
        messages=lambda each: (each.sending.serial,),
        requests=lambda each: (each.packet.serial,) if isinstance(each.packet.serial, int) else (),
        reports=lambda each: tuple([attempt.serial for attempt in each.attempts]),
        effort=1,
    ),
    "status": SearchField[int | Decimal](
        read=values.read_number_term,
        requests=lambda each: _one(each.exchange.http_status),
        reports=lambda each: tuple([one.status for one in each.attempts if one.status is not None]),
        optional=True,
    ),
    "attempts": SearchField[int | Decimal](read=values.read_number_term, reports=lambda each: (len(each.attempts),)),
    "connection": SearchField[int | Decimal](
        read=values.read_number_term,
        requests=lambda each: () if each.exchange.connection is None else (each.exchange.connection.id,),
    ),
    "peer": SearchField[str](
        read=values.read_glob_term,
        requests=lambda each: () if each.exchange.connection is None else (each.exchange.connection.peer,),
        optional=True,
    ),
    "body": SearchField[str](read=values.read_text_term, requests=lambda each: (each.body,), effort=2),
    "final": SearchField[bool](
        read=values.read_flag_term,
        messages=lambda each: (each.final_at is not None,),
        reports=lambda each: (is_final(each.state),),
    ),
    "refunded": SearchField[bool](read=values.read_flag_term, messages=lambda each: (each.refunded,)),
    **{
        name: SearchField[datetime](
            read=read,
            messages=lambda each: (each.sending.accepted_at,),
            requests=lambda each: (each.exchange.received_at,),
            reports=lambda each: (each.reached_at,),
            shown=datetime.isoformat,
        )
        for name, read in _AT.items()
    },
}
"""By name, as a search prints them."""

ALIASES: Mapping[str, str] = {
    "content": "text",
    "source": "sender",
    "from": "sender",
    "country_code": "country",
    "number": "msisdn",
    "request_id": "request",
    "connection_id": "connection",
    "http_status": "status",
    "state_name": "state",
    "since": "after",
    "until": "before",
}
"""Other names people try first, those of the items among them."""

FLAGS = ("final", "refunded")
"""`is:final` is another way to write `final:true`."""

COMPARABLE = frozenset(name for name, field in SEARCH_FIELDS.items() if field.read is values.read_number_term)
"""Fields that may be written without the colon: `segments>1`."""
