"""`/compose`: sends as a customer would, and shows while a person types what would come of it.

A draft is what the fields of the form mean: recipients, segments, price, packet and curl command, and what the platform
would answer. Nothing is sent for it: the packet goes through the platform's own stages in a dry run. Reading: R24.
"""

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import NOBODY, ApiContext
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import TextBill, bill
from cloudsms_simulator.inbox.page_context import PageContext, page_context_of, read_form
from cloudsms_simulator.inbox.templates import REGIONS, Templates
from cloudsms_simulator.models.explanation import Explanation
from cloudsms_simulator.protocol.codes import COUNTRY_CODES
from cloudsms_simulator.protocol.packet import Destination
from cloudsms_simulator.protocol.segmentation import coding_of
from cloudsms_simulator.services.sending import NoCountryError, Outgoing, outgoing_destinations, packet_of


class Recipient(msgspec.Struct, frozen=True):
    """One line of the recipients: the destination it stands for, or why it stands for none."""

    written: str
    destination: Destination | None
    problem: str


class ComposeDraft(msgspec.Struct, frozen=True):
    """What the fields mean. `packet` and `curl` are there once a packet can be made of them."""

    recipients: tuple[Recipient, ...]
    bill: TextBill
    left: int
    """How many units still fit into the last segment, in the unit of the text's alphabet."""
    problems: tuple[str, ...]
    packet: str | None
    curl: str | None
    explanation: Explanation | None
    """What would happen if it were sent now; None without a packet."""


async def compose_draft(context: ApiContext, account: Account, fields: Mapping[str, str]) -> ComposeDraft:
    """The draft that the fields of the form, by their names there, make."""
    outgoing, problems = _outgoing(fields)
    recipients = tuple(_recipient(number, outgoing.country) for number in outgoing.to or ())
    counted = bill(outgoing.text or "", outgoing.signature, outgoing.signature_type, account.profile.segmentation, None)
    packet, explanation = None, None
    if recipients and outgoing.text and not problems and all(each.destination for each in recipients):
        now = context.clocks.read(account).now
        packet = packet_of(outgoing, account, context.sender.serial, now)
        explanation = await context.explainer.explain_body(account, packet)
    return ComposeDraft(
        recipients=recipients,
        bill=counted,
        left=_room_left(counted),
        problems=problems,
        packet=None if packet is None else packet.decode(),
        curl=None if packet is None else context.explainer.curl_of_packet(packet),
        explanation=explanation,
    )


def _outgoing(fields: Mapping[str, str]) -> tuple[Outgoing, tuple[str, ...]]:
    problems: list[str] = []

    def number(name: str) -> int | None:
        text = fields.get(name, "").strip()
        try:
            return int(text) if text else None
        except ValueError:
            problems.append(f'{name}: got "{text[:40]}", want a whole number')
            return None

    def text(name: str) -> str | None:
        return fields.get(name, "").strip() or None

    customer_body = None
    if written := text("customer_body"):
        try:
            customer_body = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError) as error:
            problems.append(f"CUSTOMER_BODY: {error}; want a JSON object")
    lines = fields.get("to", "").replace(",", "\n").splitlines()
    outgoing = Outgoing(
        to=tuple(line.strip() for line in lines if line.strip()),
        text=fields.get("text", "").replace("\r\n", "\n"),
        country=number("country"),
        sender=text("sender"),
        signature=text("signature"),
        signature_type=number("signature_type"),
        route=text("route"),
        priority=number("priority"),
        version=text("version"),
        customer_body=customer_body,
    )
    return outgoing, tuple(problems)


def _recipient(number: str, country: int | None) -> Recipient:
    try:
        (destination,) = outgoing_destinations(Outgoing(to=(number,), country=country))
    except NoCountryError as error:
        return Recipient(number, None, str(error).removeprefix("to[0]: "))
    return Recipient(number, destination, "")


def _room_left(counted: TextBill) -> int:
    if not counted.parts:
        return coding_of(counted.dcs).single
    last = counted.parts[-1]
    return last.room - last.length


SIGNATURE_TYPES = ((1, "【S】text"), (2, "text【S】"), (3, "[S] text"), (4, "text[S]"), (5, "text"))


class ComposePage:
    """`/compose`, and what it shows beside its form: `/compose/draft` while one types, `/compose/sent` after that."""

    def __init__(self, context: ApiContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates

    async def show(self, request: Request) -> Response:
        """The form, and an empty draft."""
        page = page_context_of(self._context, request)
        account = _account(page)
        return self._templates.page(
            "compose.html",
            page,
            account=account,
            routes=sorted(account.routes - {"*"}),
            countries=[(code, REGIONS.get(code, "")) for code in sorted(COUNTRY_CODES)],
            signature_types=SIGNATURE_TYPES,
            versions=account.profile.versions,
            draft=await compose_draft(self._context, account, {}),
        )

    async def draft(self, request: Request) -> Response:
        """The draft that the fields of the form, as they are sent here, make."""
        page = page_context_of(self._context, request)
        fields = await read_form(request)
        return self._templates.page(
            "_draft.html", page, draft=await compose_draft(self._context, _account(page), fields)
        )

    async def sent(self, request: Request) -> Response:
        """What came of the request `?request=` of the account `?of=`. Raises HTTPException 404 when it is not kept."""
        page = page_context_of(self._context, request)
        owner, number = request.query_params.get("of", NOBODY), request.query_params.get("request", "")
        account = None if owner == NOBODY else self._context.named(owner)
        store = self._context.store
        known = number.isascii() and number.isdigit() and len(number) < 19
        exchange = store.exchange(account, int(number)) if known else None
        if exchange is None:
            raise HTTPException(404, f"no request {number[:20]} is kept")
        explanation = await self._context.explainer.explain_exchange(account, exchange, account or _account(page))
        messages = {} if account is None else {uid: store.message(account, uid) for uid in exchange.uids}
        return self._templates.page(
            "_sent.html", page, sent=explanation, owner=owner, messages=messages, fault=exchange.fault
        )


def _account(page: PageContext) -> Account:
    if page.account is None:
        raise HTTPException(404, "there is no account to send for")
    return page.account
