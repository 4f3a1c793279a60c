"""`/explain`, `/segments`, `/send` and `/sink`: what helps somebody whose client or server is not there yet.

`/explain` tells what happened in an exchange, or would happen to a packet or the octets of a body, stage by stage
and why, and keeps nothing. `/segments` encodes, cuts and bills a text. `/send` makes a request for an account
inside the server, which puts the AUTH_KEY in, and answers with how it went, also when it was refused.

`/sink` is where an account's delivery reports can go while there is no customer's server for them. It opens when
somebody asks for it. It answers all reports alike, or in a sequence of which the last answer holds for all that
follow: `ok`, `none`, `wrong-serial`, `not-json`, `http-503`, a result code, or a status with a body. Reading: R24.
"""

import base64
import binascii
import ipaddress
from collections.abc import Sequence
from itertools import islice
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import NOBODY, ApiContext, exchange_of
from cloudsms_simulator.api.http import Nothing, json_response, read_json
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import bill
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.models.account import SinkItem
from cloudsms_simulator.protocol.codes import COUNTRY_CODES
from cloudsms_simulator.protocol.correction import KEY_PLACEHOLDER
from cloudsms_simulator.protocol.segmentation import Counting
from cloudsms_simulator.push.receiver import AnswerDelay, AnswerStatus, AnswerText, AnswerWord, Sink, SinkAnswer
from cloudsms_simulator.services.explainer import Explainer
from cloudsms_simulator.services.sending import NoCountryError, Outgoing, packet_of, sent_item

_WANTED_TO_EXPLAIN = 'want one of body, body_base64 and request, such as {"request": 7}'

ExplainedBody = Annotated[
    msgspec.Raw | msgspec.UnsetType,
    msgspec.Meta(description="a packet as a JSON object, or a body as text in a string"),
]
ExplainedOctets = Annotated[str | None, msgspec.Meta(description="the octets of a body in base64")]
PeerAddress = Annotated[str | None, msgspec.Meta(description='the IP address a body comes from, such as "203.0.113.7"')]
ExchangeNumber = Annotated[int | None, msgspec.Meta(description="the number of an exchange, as /requests lists it")]


class ExplainBody(msgspec.Struct, frozen=True):
    """What to explain: a body that was not sent, or an exchange.

    Whitelists are asked only about a body that comes from a `peer`.
    """

    body: ExplainedBody = msgspec.UNSET
    body_base64: ExplainedOctets = None
    request: ExchangeNumber = None
    peer: PeerAddress = None


class ExplainHandlers:
    """`/explain`."""

    def __init__(self, context: ApiContext, explainer: Explainer) -> None:
        self._context = context
        self._explainer = explainer

    async def show(self, request: Request) -> Response:
        """An exchange of `?account=`, or of nobody with `?account=*`: that of `?request=`, else the newest."""
        text = request.query_params.get("request")
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 19):
            raise HTTPException(400, f'request is "{text[:20]}"; it is the number of an exchange')
        return await self._explained(request, None if text is None else int(text))

    async def ask(self, request: Request) -> Response:
        """An exchange, or a body that is sent nowhere."""
        wanted = await read_json(request, ExplainBody)
        given = [wanted.body is not msgspec.UNSET, wanted.body_base64 is not None, wanted.request is not None]
        if sum(given) != 1:
            raise HTTPException(400, _WANTED_TO_EXPLAIN)
        if wanted.request is not None:
            if wanted.peer is not None:
                raise HTTPException(400, "peer goes with a body; a request has the one it came from")
            return await self._explained(request, wanted.request)
        account = self._context.requested_account(request)
        return json_response(await self._explainer.explain_body(account, _explained_body(wanted), _peer(wanted)))

    async def _explained(self, request: Request, number: int | None) -> Response:
        of_nobody = request.query_params.get("account") == NOBODY
        account = None if of_nobody else self._context.requested_account(request)
        exchange = self._exchange(account, number)
        return json_response(
            await self._explainer.explain_exchange(account, exchange, account or self._context.default_account())
        )

    def _exchange(self, account: Account | None, number: int | None) -> Exchange:
        if number is not None:
            return exchange_of(self._context, account, number)
        newest = next(islice(self._context.store.exchanges(account), 1), None)
        if newest is None:
            whose = "nobody" if account is None else f'account "{account.name}"'
            others = "" if account is None else "; what belongs to no account is under account=*"
            raise HTTPException(404, f"nothing of {whose} is kept{others}")
        return newest


def _peer(wanted: ExplainBody) -> str | None:
    if wanted.peer is None:
        return None
    try:
        return str(ipaddress.ip_address(wanted.peer))
    except ValueError:
        raise HTTPException(400, f'peer: got "{wanted.peer[:60]}", want an IP address such as "203.0.113.7"') from None


def _explained_body(wanted: ExplainBody) -> bytes:
    if wanted.body_base64 is not None:
        try:
            return base64.b64decode(wanted.body_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, f"body_base64 is not base64: {error}") from error
    raw = b"" if wanted.body is msgspec.UNSET else bytes(wanted.body)
    return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw


SegmentedText = Annotated[str, msgspec.Meta(description="SMS_CONTENT, a string")]
SegmentedSignature = Annotated[str | None, msgspec.Meta(description="SIGNATURE, without brackets")]
SegmentedSignatureType = Annotated[
    Annotated[int, msgspec.Meta(ge=1, le=5)] | None, msgspec.Meta(description="SIGNATURE_TYPE, 1 to 5")
]
BilledCountry = Annotated[int | None, msgspec.Meta(description="a country calling code such as 852")]
CountingChoice = Annotated[Counting | None, msgspec.Meta(description='"table" or "packed"')]


class SegmentsBody(msgspec.Struct, frozen=True):
    """A text; with `country` it is billed at the account's price, and counted as the account's profile says."""

    text: SegmentedText
    signature: SegmentedSignature = None
    signature_type: SegmentedSignatureType = None
    country: BilledCountry = None
    counting: CountingChoice = None


class SegmentHandlers:
    """`/segments`."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def count(self, request: Request) -> Response:
        """The bill of a text."""
        account = self._context.requested_account(request)
        wanted = await read_json(request, SegmentsBody)
        price, warnings = _price(account, wanted.country)
        counting = wanted.counting or account.profile.segmentation
        found = bill(wanted.text, wanted.signature, wanted.signature_type, counting, price)
        return json_response(msgspec.structs.replace(found, warnings=(*found.warnings, *warnings)))


def _price(account: Account, country: int | None) -> tuple[Money | None, tuple[str, ...]]:
    if country is None:
        return None, ()
    if country not in COUNTRY_CODES:
        raise HTTPException(400, f"country: got {country}, want an assigned country calling code such as 852")
    price = account.price(country)
    if price is None:
        return None, (f'account "{account.name}" has no price for country {country}',)
    refused = () if account.serves(country) else (f'country {country} is no direction of account "{account.name}"',)
    return Money(price, account.currency), refused


MAX_SEND_BODY = 1024 * 1024
"""The most octets of a body."""
_WANTED_TO_SEND = 'want either packet, or to and text, such as {"to": ["85267000011"], "text": "Hello"}'

PacketToSend = Annotated[
    msgspec.Raw | msgspec.UnsetType,
    msgspec.Meta(description="a packet as a JSON object, or a body as text in a string"),
]


class SendBody(Outgoing, frozen=True, kw_only=True):
    """What to send: a packet as it is, or what a packet is made of."""

    packet: PacketToSend = msgspec.UNSET


class SendHandlers:
    """`/send`."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def send(self, request: Request) -> Response:
        """Sends; the number of the exchange, its code, the answer, and the SMS_UIDs of what was accepted.

        A packet without an AUTH_KEY, or with `$CLOUDSMS_AUTH_KEY` in its place, gets that of the account.
        """
        account = self._context.requested_account(request)
        wanted = await read_json(request, SendBody, MAX_SEND_BODY)
        body = self._made(wanted, account) if wanted.packet is msgspec.UNSET else _packet_body(wanted, wanted.packet)
        return json_response(sent_item(await self._context.sender.send(account, body)))

    def _made(self, wanted: SendBody, account: Account) -> bytes:
        if wanted.to is None or wanted.text is None:
            raise HTTPException(400, _WANTED_TO_SEND)
        sender, now = self._context.sender, self._context.clocks.read(account).now
        try:
            return packet_of(wanted, account, sender.take_serial(), now)
        except NoCountryError as error:
            raise HTTPException(400, str(error)) from error


def _packet_body(wanted: SendBody, packet: msgspec.Raw) -> bytes:
    """The octets of the packet to send; without an AUTH_KEY it gets the placeholder for that of the account."""
    if msgspec.structs.replace(wanted, packet=msgspec.UNSET) != SendBody():
        raise HTTPException(400, _WANTED_TO_SEND)
    raw = bytes(packet)
    if raw.startswith(b'"'):
        return msgspec.json.decode(raw, type=str).encode()
    if not raw.startswith(b"{"):
        return raw
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    if "AUTH_KEY" in members:
        return raw
    return msgspec.json.encode({**members, "AUTH_KEY": KEY_PLACEHOLDER})


AnswerT = TypeVar("AnswerT")

MAX_ANSWERS = 1_000

AnswerSequence = Annotated[
    Annotated[tuple[SinkAnswer | AnswerWord, ...], msgspec.Meta(min_length=1, max_length=MAX_ANSWERS)] | UnsetType,
    msgspec.Meta(
        description='a list of answers such as "Busy", {"status": 503} or {"answer": "none", "delay": "2s"}, one for '
        "each report to come, the last for all that follow"
    ),
]


class AnswerBody(msgspec.Struct, frozen=True, kw_only=True):
    """How reports are answered: always the same way, or in `sequence`."""

    answer: AnswerWord | UnsetType = UNSET
    status: AnswerStatus = UNSET
    body: AnswerText = UNSET
    delay: AnswerDelay | UnsetType = UNSET
    sequence: AnswerSequence = UNSET

    def answers(self) -> tuple[SinkAnswer, ...]:
        """What is said, as a sequence; ValueError when both are said."""
        said = {name: getattr(self, name) for name in ("answer", "status", "body", "delay")}
        said = {name: value for name, value in said.items() if value is not UNSET}
        if self.sequence is UNSET:
            return (msgspec.structs.replace(SinkAnswer(), **said),)
        if said:
            raise ValueError(f"sequence: got {', '.join(said)} beside it, want that within its entries")
        return tuple(SinkAnswer(answer=each) if isinstance(each, str) else each for each in self.sequence)


class Sequenced(msgspec.Struct, frozen=True):
    """Answers that differ from report to report."""

    sequence: Sequence[SinkAnswer]


class SinkHandlers:
    """`/sink`."""

    def __init__(self, context: ApiContext, sink: Sink) -> None:
        self._context = context
        self._sink = sink

    async def show(self, request: Request) -> Response:
        """Where it is, what it received, and how it answers. Asking opens it."""
        return await self._shown(self._context.requested_account(request).name)

    async def answer(self, request: Request) -> Response:
        """Sets how the reports to come are answered; the sink."""
        name = self._context.requested_account(request).name
        wanted = await read_json(request, AnswerBody)
        try:
            self._sink.set_answers(name, wanted.answers())
        except ValueError as error:
            raise HTTPException(400, str(error)) from error
        return await self._shown(name)

    async def clear(self, request: Request) -> Response:
        """Forgets what it received, and has it answer rightly again; the sink."""
        name = self._context.requested_account(request).name
        await read_json(request, Nothing)
        self._sink.clear(name)
        return await self._shown(name)

    async def _shown(self, name: str) -> Response:
        url = await self._sink.url_of(name)
        answers = self._sink.answers(name)
        answer = answers[0] if len(answers) == 1 else Sequenced(answers)
        return json_response(SinkItem(url, answer, self._sink.total(name), self._sink.received(name)))
