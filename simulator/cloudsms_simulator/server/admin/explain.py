"""Explain: what happened in an exchange, or would happen to a packet, and why. Reading: R24."""

import base64
import binascii
import ipaddress
from itertools import islice
from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.lookups import exchange_of
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.explanation import Explainer

_WANTED = 'want one of body, body_base64 and request, such as {"request": 7}'

Body = Annotated[
    msgspec.Raw | msgspec.UnsetType,
    msgspec.Meta(description="a packet as a JSON object, or a body as text in a string"),
]
Octets = Annotated[str | None, msgspec.Meta(description="the octets of a body in base64")]
Peer = Annotated[str | None, msgspec.Meta(description='the IP address a body comes from, such as "203.0.113.7"')]
Number = Annotated[int | None, msgspec.Meta(description="the number of an exchange, as /requests lists it")]


class ExplainBody(msgspec.Struct, frozen=True):
    """What to explain: a body that was not sent, or an exchange.

    Whitelists are asked only about a body that comes from a `peer`.
    """

    body: Body = msgspec.UNSET
    body_base64: Octets = None
    request: Number = None
    peer: Peer = None


class Explain:
    """`/explain`."""

    def __init__(self, office: Office, explainer: Explainer) -> None:
        self._office = office
        self._explainer = explainer

    async def show(self, request: Request) -> Response:
        """An exchange of `?account=`, or of nobody with `?account=*`: that of `?request=`, else the newest."""
        text = request.query_params.get("request")
        if text is not None and not (text.isascii() and text.isdigit() and len(text) < 19):
            raise HTTPException(400, f'request is "{text[:20]}"; it is the number of an exchange')
        return await self._kept(request, None if text is None else int(text))

    async def ask(self, request: Request) -> Response:
        """An exchange, or a body that is sent nowhere."""
        asked = await read_json(request, ExplainBody)
        given = [asked.body is not msgspec.UNSET, asked.body_base64 is not None, asked.request is not None]
        if sum(given) != 1:
            raise HTTPException(400, _WANTED)
        if asked.request is not None:
            if asked.peer is not None:
                raise HTTPException(400, "peer goes with a body; a request has the one it came from")
            return await self._kept(request, asked.request)
        account = self._office.asked(request)
        return json_response(await self._explainer.of_body(account, _body(asked), _peer(asked)))

    async def _kept(self, request: Request, number: int | None) -> Response:
        of_nobody = request.query_params.get("account") == NOBODY
        account = None if of_nobody else self._office.asked(request)
        exchange = self._exchange(account, number)
        return json_response(await self._explainer.of_exchange(account, exchange, account or self._office.at_hand()))

    def _exchange(self, account: Account | None, number: int | None) -> Exchange:
        if number is not None:
            return exchange_of(self._office, account, number)
        newest = next(islice(self._office.store.exchanges(account), 1), None)
        if newest is None:
            whose = "nobody" if account is None else f'account "{account.name}"'
            others = "" if account is None else "; what belongs to no account is under account=*"
            raise HTTPException(404, f"nothing of {whose} is kept{others}")
        return newest


def _peer(asked: ExplainBody) -> str | None:
    if asked.peer is None:
        return None
    try:
        return str(ipaddress.ip_address(asked.peer))
    except ValueError:
        raise HTTPException(400, f'peer: got "{asked.peer[:60]}", want an IP address such as "203.0.113.7"') from None


def _body(asked: ExplainBody) -> bytes:
    if asked.body_base64 is not None:
        try:
            return base64.b64decode(asked.body_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400, f"body_base64 is not base64: {error}") from error
    raw = b"" if asked.body is msgspec.UNSET else bytes(asked.body)
    return msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw
