"""The items of messages, requests and reports: what is kept, as the admin API shows it.

AUTH_KEYs are fingerprints wherever a customer may have written them. Lists cut what is long and say where it is whole.

Spec: none; the admin API is the simulator's own. Reading: R16, R20.
"""

from codecs import getincrementaldecoder
from functools import partial

import msgspec

from cloudsms_simulator import moments
from cloudsms_simulator.engine.account import ANY_KEY_OR_ROUTE
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import Attempt, Exchange, Message, Report, Sending, TlsFacts
from cloudsms_simulator.models.journal import AttemptItem, Code, MessageItem, ReportItem, RequestItem
from cloudsms_simulator.models.server import Json, unread_json
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, hex_code, state_desc
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.masking import mask


def code_item(code: ResultCode) -> Code:
    """Returns a result code as the API shows it."""
    return Code(int(code), hex_code(code), desc_of(code))


def message_item(message: Message, key: str) -> MessageItem:
    """Returns a message as the API shows it; `key` is the account's AUTH_KEY, which a customer may write anywhere."""
    sending = message.sending
    # An account that takes any key: the one that was sent is masked in the kept body, and nobody knows it any more.
    text = sending.masked_text if key == ANY_KEY_OR_ROUTE else _text(mask(sending.text.encode(), key))
    customer_body = sending.shown_customer_body
    return MessageItem(
        uid=message.uid,
        account=sending.account or "",  # messages come of an account's exchanges only
        request_id=sending.request_id,
        index=message.index,
        to=f"{message.country_code}{message.msisdn}",
        country_code=message.country_code,
        msisdn=message.msisdn,
        source=sending.source,
        text=text,
        dcs=sending.segmentation.dcs,
        segments=sending.segmentation.segments,
        route=sending.route_id,
        price=Money(message.price, sending.currency),
        cost=Money(message.cost, sending.currency),
        code=code_item(ResultCode.OK),
        state=message.state,
        state_name=None if message.state is None else state_desc(message.state),
        final=message.final_at is not None,
        refunded=message.refunded,
        reason=message.reason,
        accepted_at=sending.accepted_at,
        final_at=message.final_at,
        customer_body=None if customer_body is None else unread_json(mask(customer_body, key)),
        rule=message.rule,
    )


_PIECE = 32 * 1024
"""Octets that are decoded to text in one go."""
LONGEST_LISTED = 16 * 1024
"""Octets of a body, of an answer, of a header that a list shows."""


def request_item(
    exchange: Exchange, answer: bytes | None, findings: tuple[Finding, ...], *, whole: bool = True
) -> RequestItem:
    """Returns an exchange as the API shows it, with its answer and findings; without `whole` what is long is cut."""
    text_of = _text if whole else partial(_listed, where=f"/api/v1/requests/{exchange.id}")
    peer = exchange.connection
    return RequestItem(
        id=exchange.id,
        account=exchange.account,
        kind=exchange.kind,
        received_at=exchange.received_at,
        peer=None if peer is None else peer.peer,
        connection_id=None if peer is None else peer.id,
        tls=None if peer is None else _tls_members(peer.tls),
        headers=tuple([(_text(name), text_of(value)) for name, value in exchange.headers]),
        http_status=exchange.http_status,
        code=None if exchange.code is None else code_item(exchange.code),
        body=text_of(exchange.body),
        answer=None if answer is None else text_of(answer),
        findings=findings,
        rule=exchange.rule,
        fault=exchange.fault,
        uids=exchange.uids,
        method=None if exchange.line is None else exchange.line.method,
        target=None if exchange.line is None else exchange.line.target,
        http_version=None if exchange.line is None else exchange.line.version,
        body_base64=_no_text(exchange.body, None if whole else LONGEST_LISTED),
    )


def report_item(report: Report, key: str, message: Message | None) -> ReportItem:
    """Returns a report as the API shows it, without the account's `key`.

    `message` is the one it tells of; None when that is not kept any more.
    """
    sending = None if message is None else message.sending
    return ReportItem(
        id=report.id,
        uid=report.uid,
        account=report.account,
        state=report.state,
        state_name=state_desc(report.state),
        due_at=report.reached_at,
        outcome=report.outcome,
        next_attempt_at=report.next_attempt_at,
        attempts=tuple([_attempt_item(attempt, key, sending) for attempt in report.attempts]),
        findings=report.findings,
    )


def _attempt_item(attempt: Attempt, key: str, sending: Sending | None) -> AttemptItem:
    request = attempt.request
    if sending is not None and sending.customer_body is not None:
        request = request.replace(sending.customer_body, sending.shown_customer_body or b"")
    return AttemptItem(
        serial=attempt.serial,
        at=attempt.at,
        url=attempt.url,
        request=_text(mask(request, key)),
        status=attempt.status,
        body=_text(mask(attempt.body, key)),
        error=attempt.error,
        findings=attempt.findings,
        fault=attempt.fault,
        tls=_tls_members(attempt.tls),
        resent=attempt.resent,
        repeated=attempt.repeated,
    )


def _tls_members(tls: TlsFacts | None) -> Json | None:
    if tls is None:
        return None
    members: Json = msgspec.to_builtins(tls, builtin_types=(moments.datetime,))
    return members


def _listed(data: bytes, where: str) -> str:
    """Returns as much of a text as a list shows, then how much is left out, and where all of it is."""
    if len(data) <= LONGEST_LISTED:
        return _text(data)
    left_out = len(data) - LONGEST_LISTED
    return f"{data[:LONGEST_LISTED].decode('utf-8', 'ignore')}… {left_out} octets more, see {where}"


def _text(data: bytes) -> str:
    if len(data) <= _PIECE:
        return data.decode("utf-8", "backslashreplace")
    # Piece by piece: a mebibyte without UTF-8 in it would keep other threads waiting for a quarter of a second.
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    pieces = [decoder.decode(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _no_text(data: bytes, most: int | None) -> bytes | None:
    """Returns the octets of a body that are shown when they are no UTF-8; None when they are."""
    shown = data[:most]
    try:
        getincrementaldecoder("utf-8")().decode(shown, final=len(shown) == len(data))
    except UnicodeDecodeError:
        return shown
    return None
