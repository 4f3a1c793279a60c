"""Search fields: what a search can ask for by name, of messages, of requests and of reports.

Of a value that has several, such as the recipients of a batch, one that fits is enough. A report has the fields of its
message too.

Spec: none; this is how the simulator is searched. Reading: R17.
"""

from collections.abc import Mapping
from decimal import Decimal
from itertools import chain
from typing import TypeVar, get_args

from cloudsms_simulator.engine.exchange import Kind as RequestKind
from cloudsms_simulator.engine.otp import otp_in
from cloudsms_simulator.engine.report import Outcome, Report
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of
from cloudsms_simulator.protocol.states import is_final, name_of
from cloudsms_simulator.server import search_values as values
from cloudsms_simulator.server.search_field import Field
from cloudsms_simulator.server.search_values import Reader
from cloudsms_simulator.server.sought import recipient_of

T = TypeVar("T")

AnyField = Field[str] | Field[int] | Field[int | Decimal] | Field[bool] | Field[datetime]


def _one(value: T | None) -> tuple[T, ...]:
    return () if value is None else (value,)


def _findings_of(report: Report) -> tuple[str, ...]:
    told = (*report.findings, *chain.from_iterable(attempt.findings for attempt in report.attempts))
    return tuple([finding.rule for finding in told])


def _code_text(code: int) -> str:
    return desc_of(ResultCode(code))


_TEXT = Field[str](
    read=values.read_text, messages=lambda each: (each.sending.text,), requests=lambda each: each.text, effort=2
)
_SENDER = Field[str](
    read=values.read_glob, messages=lambda each: (each.sending.source,), requests=lambda each: each.sender
)
_NUMBER = Field[str](
    read=values.read_number,
    messages=lambda each: (each.msisdn,),
    requests=lambda each: tuple([to.msisdn for to in each.destinations]),
    effort=1,
)
_AT: Mapping[str, Reader[datetime]] = {"after": values.read_after, "before": values.read_before}

FIELDS: Mapping[str, AnyField] = {
    "uid": Field[str](
        read=values.read_glob,
        messages=lambda each: (each.uid,),
        requests=lambda each: each.exchange.uids,
        reports=lambda each: (each.uid,),
    ),
    "to": Field[str](
        read=values.read_number,
        messages=lambda each: (recipient_of(each.country_code, each.msisdn),),
        requests=lambda each: tuple([recipient_of(to.country_code, to.msisdn) for to in each.destinations]),
        effort=1,
    ),
    "country": Field[int | Decimal](
        read=values.read_amount,
        messages=lambda each: (each.country_code,),
        requests=lambda each: tuple([to.country_code for to in each.destinations]),
    ),
    "msisdn": _NUMBER,
    "sender": _SENDER,
    "route": Field[str](
        read=values.read_glob, messages=lambda each: (each.sending.route_id,), requests=lambda each: each.route
    ),
    "text": _TEXT,
    "otp": Field[str](
        read=values.read_glob, messages=lambda each: _one(otp_in(each.sending.text)), optional=True, effort=2
    ),
    "state": Field[int](
        read=values.read_state,
        messages=lambda each: _one(each.state),
        reports=lambda each: (each.state,),
        shown=name_of,
        optional=True,
    ),
    "code": Field[int](
        read=values.read_code,
        messages=lambda each: (ResultCode.OK,),
        requests=lambda each: _one(each.exchange.code),
        shown=_code_text,
        optional=True,
    ),
    "rule": Field[str](
        read=values.read_glob,
        messages=lambda each: _one(each.rule),
        requests=lambda each: _one(each.exchange.rule),
        optional=True,
    ),
    "fault": Field[str](
        read=values.read_glob,
        messages=lambda each: _one(each.sending.fault),
        requests=lambda each: _one(each.exchange.fault),
        reports=lambda each: tuple([one.fault for one in each.attempts if one.fault is not None]),
        optional=True,
    ),
    "finding": Field[str](
        read=values.read_glob,
        requests=lambda each: tuple([finding.rule for finding in each.findings]),
        reports=lambda each: _findings_of(each),
        optional=True,
        effort=3,
    ),
    "account": Field[str](
        read=values.read_glob,
        messages=lambda each: _one(each.sending.account),
        requests=lambda each: _one(each.exchange.account),
        reports=lambda each: (each.account,),
        optional=True,
    ),
    "kind": Field[str](read=values.word_reader(get_args(RequestKind)), requests=lambda each: (each.exchange.kind,)),
    "outcome": Field[str](read=values.word_reader(get_args(Outcome)), reports=lambda each: (each.outcome,)),
    "segments": Field[int | Decimal](
        read=values.read_amount,
        messages=lambda each: (each.sending.segmentation.segments,),
        requests=lambda each: () if each.sending is None else (each.sending.segmentation.segments,),
    ),
    "dcs": Field[int | Decimal](
        read=values.read_amount,
        messages=lambda each: (each.sending.segmentation.dcs,),
        requests=lambda each: () if each.sending is None else (each.sending.segmentation.dcs,),
    ),
    "cost": Field[int | Decimal](read=values.read_amount, messages=lambda each: (each.cost,)),
    "index": Field[int | Decimal](read=values.read_amount, messages=lambda each: (each.index,)),
    "reason": Field[str](read=values.read_text, messages=lambda each: _one(each.reason), optional=True),
    "request": Field[int | Decimal](
        read=values.read_amount,
        messages=lambda each: (each.sending.request_id,),
        requests=lambda each: (each.exchange.id,),
    ),
    "serial": Field[int | Decimal](
        read=values.read_amount,
        messages=lambda each: (each.sending.serial,),
        requests=lambda each: (each.packet.serial,) if isinstance(each.packet.serial, int) else (),
        reports=lambda each: tuple([attempt.serial for attempt in each.attempts]),
        effort=1,
    ),
    "status": Field[int | Decimal](
        read=values.read_amount,
        requests=lambda each: _one(each.exchange.http_status),
        reports=lambda each: tuple([one.status for one in each.attempts if one.status is not None]),
        optional=True,
    ),
    "attempts": Field[int | Decimal](read=values.read_amount, reports=lambda each: (len(each.attempts),)),
    "connection": Field[int | Decimal](
        read=values.read_amount,
        requests=lambda each: () if each.exchange.connection is None else (each.exchange.connection.id,),
    ),
    "peer": Field[str](
        read=values.read_glob,
        requests=lambda each: () if each.exchange.connection is None else (each.exchange.connection.peer,),
        optional=True,
    ),
    "body": Field[str](read=values.read_text, requests=lambda each: (each.body,), effort=2),
    "final": Field[bool](
        read=values.read_flag,
        messages=lambda each: (each.final_at is not None,),
        reports=lambda each: (is_final(each.state),),
    ),
    "refunded": Field[bool](read=values.read_flag, messages=lambda each: (each.refunded,)),
    **{
        name: Field[datetime](
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

COMPARED = frozenset(name for name, field in FIELDS.items() if field.read is values.read_amount)
"""Fields that may be written without the colon: `segments>1`."""
