"""A draft: what stands in the fields of Compose while somebody types, and what would come of it if it were sent now.

Nothing is sent: the packet goes through the platform's own stages on a transaction that is never committed.

Reading: R24.
"""

from collections.abc import Mapping

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.text_bill import TextBill, bill
from cloudsms_simulator.protocol.segmentation import coding_of
from cloudsms_simulator.protocol.submission import Destination
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.explanation_item import Explanation
from cloudsms_simulator.server.outgoing import NoCountryError, Outgoing, destinations_of, packet_of


class Recipient(msgspec.Struct, frozen=True):
    """One line of the recipients: whom it was understood to mean, or why nobody could tell."""

    written: str
    destination: Destination | None
    problem: str


class Draft(msgspec.Struct, frozen=True):
    """What the fields mean. `packet` and `curl` are there once a packet can be made of them."""

    recipients: tuple[Recipient, ...]
    bill: TextBill
    left: int
    """Units that still fit into the last segment."""
    problems: tuple[str, ...]
    packet: str | None
    curl: str | None
    explanation: Explanation | None
    """What would happen; its `code`, charges and reports are those of this moment."""


async def draft_of(office: Office, account: Account, fields: Mapping[str, str]) -> Draft:
    """The draft that fields, as the form names them, stand for."""
    outgoing, problems = _outgoing(fields)
    recipients = tuple(_recipient(number, outgoing.country) for number in outgoing.to or ())
    counted = bill(outgoing.text or "", outgoing.signature, outgoing.signature_type, account.profile.segmentation, None)
    packet, explanation = None, None
    if recipients and outgoing.text and not problems and all(each.destination for each in recipients):
        now = office.timekeeper.read(account).now
        packet = packet_of(outgoing, account, office.sender.serial, now)
        explanation = await office.explainer.of_body(account, packet)
    return Draft(
        recipients=recipients,
        bill=counted,
        left=_left(counted),
        problems=problems,
        packet=None if packet is None else packet.decode(),
        curl=None if packet is None else office.explainer.curl_of_packet(packet),
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
        (destination,) = destinations_of(Outgoing(to=(number,), country=country))
    except NoCountryError as error:
        return Recipient(number, None, str(error).removeprefix("to[0]: "))
    return Recipient(number, destination, "")


def _left(counted: TextBill) -> int:
    if not counted.parts:
        return coding_of(counted.dcs).single
    last = counted.parts[-1]
    return last.room - last.length
