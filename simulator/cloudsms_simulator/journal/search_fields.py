"""The fields of a search, by name, and where each is found in messages, requests and reports.

`SEARCH_FIELDS` has a row for each field. Where a record has several values, such as the recipients of a batch, one that
fits is enough. A `SearchContext` holds what a search needs besides the record: a report's message, whose fields the
report has too, and what works out the findings on an exchange. What a refused exchange asked for is read out of its
body, as far as that can be read, and only once (`SearchableRequest`).

Spec: none; this is how the simulator is searched. Reading: R17.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import Generic, Literal, TypeVar, get_args

import msgspec

from cloudsms_simulator.engine.diagnosis import otp_in
from cloudsms_simulator.engine.records import Exchange, ExchangeKind, Message, Outcome, Report, Sending
from cloudsms_simulator.journal.search_syntax import (
    TermReader,
    ValueTest,
    read_after_term,
    read_before_term,
    read_code_term,
    read_flag_term,
    read_glob_term,
    read_msisdn_term,
    read_number_term,
    read_state_term,
    read_text_term,
    word_term_reader,
)
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.checks import echo_of
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, is_final, state_desc
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.packet import Decoded, Destination, Packet, decode, listed
from cloudsms_simulator.protocol.profile import SPEC

JournalKind = Literal["messages", "requests", "reports"]
JournalRecord = Message | Exchange | Report

_VALUE_OCTETS = 1_000
"""Octets that looking at a record counts as, on top of those of its body."""


class SearchContext(msgspec.Struct, frozen=True):
    """What a search needs besides a record: the message of a report, and what works out findings on an exchange."""

    message: Message | None = None
    findings: Callable[[Exchange], tuple[Finding, ...]] | None = None
    """Works out the findings on an exchange. None: only the findings kept with it count."""
    request: "SearchableRequest | None" = None
    """The exchange as `SearchableRequest`, so that several fields or searches read its body only once."""


NO_CONTEXT = SearchContext()


class SearchableRequest:
    """An exchange with the values of its fields. What a refused one asked for is read out of its body, only once."""

    def __init__(self, exchange: Exchange, context: SearchContext = NO_CONTEXT) -> None:
        self.exchange = exchange
        self.sending = exchange if isinstance(exchange, Sending) else None
        """The exchange, if it was accepted and made messages; else None."""
        self._context = context

    @cached_property
    def decoded(self) -> Decoded:
        """The body as a packet, read at the first use."""
        return decode(self.exchange.body)

    @property
    def packet(self) -> Packet:
        """The packet in the body."""
        return self.decoded.packet

    @cached_property
    def destinations(self) -> tuple[Destination, ...]:
        """All destinations the body names, refused ones included. What cannot be read of one is 0 or ""."""
        return tuple([echo_of(entry, SPEC) for entry in listed(self.decoded)])

    @property
    def body(self) -> str:
        """The body as text."""
        return self.exchange.body.decode("utf-8", "backslashreplace")

    @property
    def sender(self) -> tuple[str, ...]:
        """SOURCE_MSISDN of an accepted request; else the ORIGINAL_ADDR in its body, if it is a text."""
        return text_in(self.packet.original_addr) if self.sending is None else (self.sending.source,)

    @property
    def route(self) -> tuple[str, ...]:
        """The ROUTE_ID, if it is a text."""
        return text_in(self.packet.route_id) if self.sending is None else (self.sending.route_id,)

    @property
    def text(self) -> tuple[str, ...]:
        """The text with its signature if the request was accepted, else SMS_CONTENT, else the whole body."""
        if self.sending is not None:
            return (self.sending.text,)
        return text_in(self.packet.sms_content) or (self.body,)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The findings on it: those its context works out now, or without that those kept with it."""
        findings = self._context.findings
        return (self.exchange.findings or ()) if findings is None else findings(self.exchange)


def recipient_of(country_code: int, msisdn: str) -> str:
    """A recipient as searches write it: country code and number in one."""
    return f"{country_code}{msisdn}"


def recipients_of(record: JournalRecord, message: Message | None = None) -> tuple[str, ...]:
    """The recipients of a message, of the `message` a report is of, or of an exchange."""
    of = message if isinstance(record, Report) else record
    if isinstance(of, Exchange):
        return tuple([recipient_of(each.country_code, each.msisdn) for each in SearchableRequest(of).destinations])
    return () if of is None else (recipient_of(of.country_code, of.msisdn),)


def record_id(record: JournalRecord) -> str | int:
    """The id of a record among those of its kind: SMS_UID, number of the exchange, or id of the report."""
    return record.uid if isinstance(record, Message) else record.id


def text_in(value: object) -> tuple[str, ...]:
    """A value of a packet, as a tuple of one if it is a text, else an empty one."""
    return (value,) if isinstance(value, str) else ()


def octets_of(record: JournalRecord) -> int:
    """About how many octets looking at a record has to read."""
    if isinstance(record, Message):
        return _VALUE_OCTETS + len(record.sending.kept_body)
    if isinstance(record, Exchange):
        return _VALUE_OCTETS + len(record.kept_body) + (0 if record.answer is None else len(record.answer))
    return _VALUE_OCTETS + sum([len(attempt.request) + len(attempt.body) for attempt in record.attempts])


FieldValue = TypeVar("FieldValue")
RecordCheck = Callable[[JournalRecord, SearchContext], bool]
RecordTexts = Callable[[JournalRecord, SearchContext], tuple[str, ...]]

NONE_WORD = "none"
"""The pattern for having no value: `rule:none` matches records without a rule."""


class SearchField(msgspec.Struct, Generic[FieldValue], frozen=True, kw_only=True):
    """One field: how a pattern for it is read, and the values that each kind of record has of it.

    `messages`, `requests` and `reports` are None where a kind has no such field. Reports have the fields of their
    message too.
    """

    read: TermReader[FieldValue]
    messages: Callable[[Message], tuple[FieldValue, ...]] | None = None
    requests: Callable[[SearchableRequest], tuple[FieldValue, ...]] | None = None
    reports: Callable[[Report], tuple[FieldValue, ...]] | None = None
    shown: Callable[[FieldValue], str] = str
    optional: bool = False
    """Whether the pattern `none` matches records without a value."""
    also: tuple[str, ...] = ()
    """Other names for it."""
    is_outcome: bool = False
    """Whether a message gets another value of it after it was accepted."""
    effort: int = 0
    """How expensive the values are: terms with cheap fields are checked first."""

    @property
    def kinds(self) -> tuple[JournalKind, ...]:
        """The kinds of records that have the field."""
        found: dict[JournalKind, bool] = {
            "messages": self.messages is not None,
            "requests": self.requests is not None,
            "reports": self.reports is not None or self.messages is not None,
        }
        return tuple(kind for kind, there in found.items() if there)

    def values_of(self, record: JournalRecord, context: SearchContext) -> tuple[FieldValue, ...]:
        """The values a record has of the field; empty when there are none."""
        if isinstance(record, Message):
            return () if self.messages is None else self.messages(record)
        if isinstance(record, Exchange):
            return () if self.requests is None else self.requests(context.request or SearchableRequest(record, context))
        if self.reports is not None:
            return self.reports(record)
        return () if self.messages is None or context.message is None else self.messages(context.message)

    def compile(self, pattern: str, now: datetime) -> tuple[RecordCheck, str]:
        """Reads a pattern: returns the check of a record, and the pattern as it would be read again.

        Raises ValueError, as the reader does, saying what would be right.
        """
        if self.optional and pattern == NONE_WORD:
            return lambda record, context: not self.values_of(record, context), NONE_WORD
        test, written = self.read(pattern, now)
        return self._check(test), written

    def texts(self, record: JournalRecord, context: SearchContext) -> tuple[str, ...]:
        """The values a record has of the field, as texts for people."""
        return tuple([self.shown(each) for each in self.values_of(record, context)])

    def _check(self, test: ValueTest[FieldValue]) -> RecordCheck:
        def check(record: JournalRecord, context: SearchContext) -> bool:
            found = self.values_of(record, context)
            return test(found[0]) if len(found) == 1 else any(map(test, found))

        return check


T = TypeVar("T")

AnyField = SearchField[str] | SearchField[int] | SearchField[int | Decimal] | SearchField[bool] | SearchField[datetime]


def _one(value: T | None) -> tuple[T, ...]:
    return () if value is None else (value,)


def _findings_of(report: Report) -> tuple[str, ...]:
    findings = (*report.findings, *chain.from_iterable(attempt.findings for attempt in report.attempts))
    return tuple([finding.rule for finding in findings])


def _code_text(code: int) -> str:
    return desc_of(ResultCode(code))


_TEXT = SearchField[str](
    read=read_text_term,
    messages=lambda each: (each.sending.text,),
    requests=lambda each: each.text,
    also=("content",),
    effort=2,
)
_SENDER = SearchField[str](
    read=read_glob_term,
    messages=lambda each: (each.sending.source,),
    requests=lambda each: each.sender,
    also=("source", "from"),
)
_NUMBER = SearchField[str](
    read=read_msisdn_term,
    also=("number",),
    messages=lambda each: (each.msisdn,),
    requests=lambda each: tuple([to.msisdn for to in each.destinations]),
    effort=1,
)
_AT: tuple[tuple[str, str, TermReader[datetime]], ...] = (
    ("after", "since", read_after_term),
    ("before", "until", read_before_term),
)

SEARCH_FIELDS: Mapping[str, AnyField] = {
    "uid": SearchField[str](
        read=read_glob_term,
        messages=lambda each: (each.uid,),
        requests=lambda each: each.exchange.uids,
        reports=lambda each: (each.uid,),
    ),
    "to": SearchField[str](
        read=read_msisdn_term,
        messages=lambda each: (recipient_of(each.country_code, each.msisdn),),
        requests=lambda each: tuple([recipient_of(to.country_code, to.msisdn) for to in each.destinations]),
        effort=1,
    ),
    "country": SearchField[int | Decimal](
        read=read_number_term,
        also=("country_code",),
        messages=lambda each: (each.country_code,),
        requests=lambda each: tuple([to.country_code for to in each.destinations]),
    ),
    "msisdn": _NUMBER,
    "sender": _SENDER,
    "route": SearchField[str](
        read=read_glob_term, messages=lambda each: (each.sending.route_id,), requests=lambda each: each.route
    ),
    "text": _TEXT,
    "otp": SearchField[str](
        read=read_glob_term, messages=lambda each: _one(otp_in(each.sending.text)), optional=True, effort=2
    ),
    "state": SearchField[int](
        read=read_state_term,
        also=("state_name",),
        is_outcome=True,
        messages=lambda each: _one(each.state),
        reports=lambda each: (each.state,),
        shown=state_desc,
        optional=True,
    ),
    "code": SearchField[int](
        read=read_code_term,
        messages=lambda each: (ResultCode.OK,),
        requests=lambda each: _one(each.exchange.code),
        shown=_code_text,
        optional=True,
    ),
    "rule": SearchField[str](
        read=read_glob_term,
        messages=lambda each: _one(each.rule),
        requests=lambda each: _one(each.exchange.rule),
        optional=True,
    ),
    "fault": SearchField[str](
        read=read_glob_term,
        messages=lambda each: _one(each.sending.fault),
        requests=lambda each: _one(each.exchange.fault),
        reports=lambda each: tuple([one.fault for one in each.attempts if one.fault is not None]),
        optional=True,
    ),
    "finding": SearchField[str](
        read=read_glob_term,
        requests=lambda each: tuple([finding.rule for finding in each.findings]),
        reports=lambda each: _findings_of(each),
        optional=True,
        effort=3,
    ),
    "account": SearchField[str](
        read=read_glob_term,
        messages=lambda each: _one(each.sending.account),
        requests=lambda each: _one(each.exchange.account),
        reports=lambda each: (each.account,),
        optional=True,
    ),
    "kind": SearchField[str](
        read=word_term_reader(get_args(ExchangeKind)), requests=lambda each: (each.exchange.kind,)
    ),
    "outcome": SearchField[str](read=word_term_reader(get_args(Outcome)), reports=lambda each: (each.outcome,)),
    "segments": SearchField[int | Decimal](
        read=read_number_term,
        messages=lambda each: (each.sending.segmentation.segments,),
        requests=lambda each: () if each.sending is None else (each.sending.segmentation.segments,),
    ),
    "dcs": SearchField[int | Decimal](
        read=read_number_term,
        messages=lambda each: (each.sending.segmentation.dcs,),
        requests=lambda each: () if each.sending is None else (each.sending.segmentation.dcs,),
    ),
    "cost": SearchField[int | Decimal](read=read_number_term, messages=lambda each: (each.cost,)),
    "index": SearchField[int | Decimal](read=read_number_term, messages=lambda each: (each.index,)),
    "reason": SearchField[str](read=read_text_term, messages=lambda each: _one(each.reason), optional=True),
    "request": SearchField[int | Decimal](
        read=read_number_term,
        also=("request_id",),
        messages=lambda each: (each.sending.request_id,),
        requests=lambda each: (each.exchange.id,),
    ),
    "serial": SearchField[int | Decimal](
        read=read_number_term,
        messages=lambda each: (each.sending.serial,),
        requests=lambda each: (each.packet.serial,) if isinstance(each.packet.serial, int) else (),
        reports=lambda each: tuple([attempt.serial for attempt in each.attempts]),
        effort=1,
    ),
    "status": SearchField[int | Decimal](
        read=read_number_term,
        also=("http_status",),
        requests=lambda each: _one(each.exchange.http_status),
        reports=lambda each: tuple([one.status for one in each.attempts if one.status is not None]),
        optional=True,
    ),
    "attempts": SearchField[int | Decimal](read=read_number_term, reports=lambda each: (len(each.attempts),)),
    "connection": SearchField[int | Decimal](
        read=read_number_term,
        also=("connection_id",),
        requests=lambda each: () if each.exchange.connection is None else (each.exchange.connection.id,),
    ),
    "peer": SearchField[str](
        read=read_glob_term,
        requests=lambda each: () if each.exchange.connection is None else (each.exchange.connection.peer,),
        optional=True,
    ),
    "body": SearchField[str](read=read_text_term, requests=lambda each: (each.body,), effort=2),
    "final": SearchField[bool](
        read=read_flag_term,
        is_outcome=True,
        messages=lambda each: (each.final_at is not None,),
        reports=lambda each: (is_final(each.state),),
    ),
    "refunded": SearchField[bool](read=read_flag_term, is_outcome=True, messages=lambda each: (each.refunded,)),
    **{
        name: SearchField[datetime](
            read=read,
            messages=lambda each: (each.sending.accepted_at,),
            requests=lambda each: (each.exchange.received_at,),
            reports=lambda each: (each.reached_at,),
            shown=datetime.isoformat,
            also=(other,),
        )
        for name, other, read in _AT
    },
}
"""The fields by name, in the order in which messages list them."""

ALIASES: Mapping[str, str] = {other: name for name, field in SEARCH_FIELDS.items() for other in field.also}
"""Other names for fields, as people try them or as items of the API have them."""

FLAGS = tuple(name for name, field in SEARCH_FIELDS.items() if field.read is read_flag_term)
"""`is:final` is another way to write `final:true`."""

COMPARABLE = frozenset(name for name, field in SEARCH_FIELDS.items() if field.read is read_number_term)
"""Fields that may be written without the colon: `segments>1`."""
