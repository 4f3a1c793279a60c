"""A subject: one destination of a request, as the conditions of rules see it.

Reading: R21.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.chance import Chance
from cloudsms_simulator.engine.echo import echoes_of
from cloudsms_simulator.protocol import limits
from cloudsms_simulator.protocol.candidate import Candidate, present, unsigned
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.submission import Destination
from cloudsms_simulator.protocol.uip import members_of

_NO_CHANCE = Chance(0, "", 0)
_decoder = msgspec.json.Decoder(list[Destination])


class Subject(msgspec.Struct):
    """A destination with its request. Of a request that is not in order, what could be read; else "" and 0."""

    account: str
    to: str
    """Country code and number in one: `85267000011`."""
    country_code: int
    item: int
    """Its place in MULTI_MSISDN_LIST, from 1; 0 when there is none."""
    request: int
    """Which request of the account this is since the rules were put to use, in order of arrival, from 1."""
    route: str
    sender: str
    """ORIGINAL_ADDR, or the account's default sender."""
    content: str
    """SMS_CONTENT, unsigned."""
    signature: str
    priority: int
    version: str
    customer_body: Mapping[str, str]
    """Its members: a string as it is, all else as compact JSON, numbers as they were spelled."""
    now: datetime
    """The moment on the account's clock."""
    elapsed: timedelta
    """On the account's clock, since the rules were put to use."""
    state: str
    """The named state the account's rules are in."""
    chance: Chance


def subject_of(
    candidate: Candidate,
    *,
    account: str,
    default_sender: str,
    request: int,
    now: datetime,
    elapsed: timedelta,
    state: str,
) -> Subject:
    """The subject of a request, before any of its destinations is looked at."""
    packet = candidate.packet
    return Subject(
        account=account,
        to="",
        country_code=0,
        item=0,
        request=request,
        route=_text(packet.route_id),
        sender=_text(packet.original_addr) or default_sender,
        content=_text(packet.sms_content),
        signature=_text(packet.signature),
        priority=unsigned(packet.priority, candidate.profile) or 0,
        version=_text(packet.version),
        customer_body=_members(packet.customer_body),
        now=now,
        elapsed=elapsed,
        state=state,
        chance=_NO_CHANCE,
    )


def destinations_of(candidate: Candidate) -> list[Destination]:
    """The destinations as they came: what can be read of each, and none of a list that is too long."""
    orderly = candidate.decoded.destinations
    if orderly is not None:
        return orderly
    try:
        destinations = _decoder.decode(candidate.packet.multi_msisdn_list)
    except msgspec.MsgspecError:
        return echoes_of(candidate)
    return destinations if len(destinations) <= limits.MOST_DESTINATIONS else []


def _members(customer_body: msgspec.Raw) -> dict[str, str]:
    if not present(customer_body):
        return {}
    return {key: _written(raw) for key, raw in (members_of(customer_body) or {}).items()}


def _written(raw: msgspec.Raw) -> str:
    text = msgspec.json.format(raw, indent=-1)
    return msgspec.json.decode(text, type=str) if text.startswith(b'"') else bytes(text).decode()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
