"""Segments: what a text costs an account, and why, before it is sent."""

from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.text_bill import bill
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.segmentation import Counting
from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response

Text = Annotated[str, msgspec.Meta(description="SMS_CONTENT, a string")]
Signature = Annotated[str | None, msgspec.Meta(description="SIGNATURE, without brackets")]
SignatureType = Annotated[
    Annotated[int, msgspec.Meta(ge=1, le=5)] | None, msgspec.Meta(description="SIGNATURE_TYPE, 1 to 5")
]
Country = Annotated[int | None, msgspec.Meta(description="a country calling code such as 852")]
HowToCount = Annotated[Counting | None, msgspec.Meta(description='"table" or "packed"')]


class SegmentsBody(msgspec.Struct, frozen=True):
    """A text; with `country` it is billed at the account's price, and counted as the account's profile says."""

    text: Text
    signature: Signature = None
    signature_type: SignatureType = None
    country: Country = None
    counting: HowToCount = None


class Segments:
    """`/segments`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def count(self, request: Request) -> Response:
        """The bill of a text."""
        account = self._office.asked(request)
        asked = await read_json(request, SegmentsBody)
        price, warnings = _price(account, asked.country)
        counting = asked.counting or account.profile.segmentation
        found = bill(asked.text, asked.signature, asked.signature_type, counting, price)
        return json_response(msgspec.structs.replace(found, warnings=(*found.warnings, *warnings)))


def _price(account: Account, country: int | None) -> tuple[Money | None, tuple[str, ...]]:
    if country is None:
        return None, ()
    if country not in ASSIGNED:
        raise HTTPException(400, f"country: got {country}, want an assigned country calling code such as 852")
    price = account.price(country)
    if price is None:
        return None, (f'account "{account.name}" has no price for country {country}',)
    refused = () if account.serves(country) else (f'country {country} is no direction of account "{account.name}"',)
    return Money(price, account.currency), refused
