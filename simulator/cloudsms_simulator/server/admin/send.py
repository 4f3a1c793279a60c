"""Send: requests sent for an account from inside the server, which puts the AUTH_KEY in."""

from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.correction import PLACEHOLDER
from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response
from cloudsms_simulator.server.outgoing import NoCountryError, Outgoing, packet_of
from cloudsms_simulator.server.sender import sent_item

LARGEST = 1024 * 1024
"""Octets of a body."""
_WANTED = 'want either packet, or to and text, such as {"to": ["85267000011"], "text": "Hello"}'

Packet = Annotated[
    msgspec.Raw | msgspec.UnsetType,
    msgspec.Meta(description="a packet as a JSON object, or a body as text in a string"),
]


class SendBody(Outgoing, frozen=True, kw_only=True):
    """What to send: a packet as it is, or what a packet is made of."""

    packet: Packet = msgspec.UNSET


class Send:
    """`/send`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def send(self, request: Request) -> Response:
        """Sends; the number of the exchange, its code, the answer, and the SMS_UIDs of what was accepted.

        A packet without an AUTH_KEY, or with `$CLOUDSMS_AUTH_KEY` in its place, gets that of the account.
        """
        account = self._office.asked(request)
        asked = await read_json(request, SendBody, LARGEST)
        body = self._made(asked, account) if asked.packet is msgspec.UNSET else _body(asked, asked.packet)
        return json_response(sent_item(await self._office.sender.send(account, body)))

    def _made(self, asked: SendBody, account: Account) -> bytes:
        if asked.to is None or asked.text is None:
            raise HTTPException(400, _WANTED)
        sender, now = self._office.sender, self._office.timekeeper.read(account).now
        try:
            return packet_of(asked, account, sender.take_serial(), now)
        except NoCountryError as error:
            raise HTTPException(400, str(error)) from error


def _body(asked: SendBody, packet: msgspec.Raw) -> bytes:
    """The packet, with what stands for the key if there is none."""
    if msgspec.structs.replace(asked, packet=msgspec.UNSET) != SendBody():
        raise HTTPException(400, _WANTED)
    raw = bytes(packet)
    if raw.startswith(b'"'):
        return msgspec.json.decode(raw, type=str).encode()
    if not raw.startswith(b"{"):
        return raw
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    if "AUTH_KEY" in members:
        return raw
    return msgspec.json.encode({**members, "AUTH_KEY": PLACEHOLDER})
