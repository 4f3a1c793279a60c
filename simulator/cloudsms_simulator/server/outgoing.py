"""Outgoing requests: what somebody wants to send, made into the packet that a customer would write.

Spec: SMS Dispatching, Request UIP Format.
"""

from typing import Annotated, TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.correction import PLACEHOLDER
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.customer import SendRequest, encode_request, split_number
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.submission import Destination
from cloudsms_simulator.protocol.timestamps import wire_time

T = TypeVar("T")

_PUNCTUATION = str.maketrans("", "", " -().\t\u00a0")
_NO_OBJECT = 'CUSTOMER_BODY, an object such as {"order": 1}'

Numbers = Annotated[
    tuple[str, ...] | None, msgspec.Meta(description="numbers with their country codes, such as 85267000011")
]
Text = Annotated[str | None, msgspec.Meta(description="SMS_CONTENT, a string")]
Country = Annotated[
    int | None, msgspec.Meta(description="a country calling code such as 852, of every number without a +")
]
Sender = Annotated[str | None, msgspec.Meta(description="ORIGINAL_ADDR, a string")]
Signature = Annotated[str | None, msgspec.Meta(description="SIGNATURE, without brackets")]
SignatureType = Annotated[int | None, msgspec.Meta(description="SIGNATURE_TYPE, a whole number")]
Route = Annotated[str | None, msgspec.Meta(description="ROUTE_ID, a string")]
Priority = Annotated[int | None, msgspec.Meta(description="PRIORITY, a whole number")]
Version = Annotated[str | None, msgspec.Meta(description="VERSION, a string")]
CustomerBody = Annotated[dict[str, msgspec.Raw] | None, msgspec.Meta(description=_NO_OBJECT)]


class NoCountryError(ValueError):
    """A number whose country cannot be told; the text says what would be right."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent to whom. What is None is not sent, or is what the account is used to."""

    to: Numbers = None
    text: Text = None
    country: Country = None
    sender: Sender = None
    signature: Signature = None
    signature_type: SignatureType = None
    route: Route = None
    priority: Priority = None
    version: Version = None
    customer_body: CustomerBody = None


def packet_of(outgoing: Outgoing, account: Account, serial: int, now: datetime) -> bytes:
    """The packet, its route and version the account's own unless said; `$CLOUDSMS_AUTH_KEY` stands for the key.

    Nothing in it is checked, so that what the platform says to it can be seen. NoCountryError for a number of which
    nobody can tell where it is.
    """
    return encode_request(
        SendRequest(
            serial=serial,
            time=wire_time(now),
            auth_key=PLACEHOLDER,
            route_id=account.route_at_hand if outgoing.route is None else outgoing.route,
            multi_msisdn_list=destinations_of(outgoing),
            sms_content=outgoing.text or "",
            signature=_given(outgoing.signature),
            signature_type=_given(outgoing.signature_type),
            original_addr=_given(outgoing.sender),
            priority=_given(outgoing.priority),
            version=account.profile.versions[0] if outgoing.version is None else outgoing.version,
            customer_body=msgspec.UNSET
            if outgoing.customer_body is None
            else msgspec.Raw(msgspec.json.encode(outgoing.customer_body)),
        )
    )


def destinations_of(outgoing: Outgoing) -> tuple[Destination, ...]:
    """Country code and number of each recipient, in their order. NoCountryError as above."""
    return tuple(_destination(place, number, outgoing.country) for place, number in enumerate(outgoing.to or ()))


def _destination(place: int, number: str, country: int | None) -> Destination:
    """Spaces and punctuation, as people write numbers, are left out."""
    plain = number.translate(_PUNCTUATION)
    if country is not None and not plain.startswith("+"):
        if country not in ASSIGNED:
            raise NoCountryError(f"country: got {country}, want an assigned country calling code such as 852")
        return Destination(country, plain)
    found = split_number(plain)
    if found is None:
        want = "want digits that begin with an assigned country code, such as 85267000011, or country beside it"
        raise NoCountryError(f'to[{place}]: got "{number[:60]}", {want}')
    return found


def _given(value: T | None) -> T | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value
