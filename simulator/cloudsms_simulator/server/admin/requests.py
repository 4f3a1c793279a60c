"""Requests: every exchange, with its answer and its findings; and its packet sent again."""

from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.lookups import exchange_of
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response, page_of_values
from cloudsms_simulator.server.admin.searching import asked_of, matching
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.resubmission import Impossible

Flag = Annotated[bool, msgspec.Meta(description="true or false")]
Name = Annotated[str | None, msgspec.Meta(description="the name of an account")]


class SendAgain(msgspec.Struct, frozen=True):
    """How to send a packet again; `account` is whose a corrected packet of nobody's is to be."""

    corrected: Flag = False
    account: Name = None


class Requests:
    """`/requests` and what is below it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The exchanges of one account, or of none with `?account=*`. `?q=` searches."""
        account = asked_of(self._office, request)
        found = await matching(self._office, request, account, "requests")
        return await page_of_values(request, found, Kept(self._office.store, account))

    async def show(self, request: Request) -> Response:
        """One exchange of an account, or of none with `?account=*`."""
        account = asked_of(self._office, request)
        exchange = exchange_of(self._office, account, request.path_params["id"])
        return json_response(await Kept(self._office.store, account).item(exchange))

    async def send(self, request: Request) -> Response:
        """Sends the packet of an exchange again, as it was or corrected; the exchange that comes of it.

        409 when there is no packet, or none that can be corrected.
        """
        office, owner = self._office, asked_of(self._office, request)
        asked = await read_json(request, SendAgain)
        exchange = exchange_of(office, owner, request.path_params["id"])
        sender = owner or (office.at_hand() if asked.account is None else office.named(asked.account))
        if asked.account not in (None, sender.name):
            want = f'"{sender.name}", whose packet it is'
            raise HTTPException(400, f'account: got "{asked.account[:60]}", want {want}')
        sent = await office.resubmitter.send(owner, exchange, sender, corrected=asked.corrected)
        if isinstance(sent, Impossible):
            raise HTTPException(409, sent.why)
        account, kept = sent
        return json_response(await Kept(office.store, account).item(kept))
