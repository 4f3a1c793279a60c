"""Outgoing requests: what somebody wants to send becomes the packet a customer would write."""

import json
from datetime import datetime

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.packet import Destination
from cloudsms_simulator.protocol.profile import OBSERVED
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.services.sending import NoCountryError, Outgoing, outgoing_destinations, packet_of

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
SMALLEST = Outgoing(to=("85267000011",), text="Hello")


def packet(outgoing: Outgoing, account: Account | None = None) -> dict[str, object]:
    made: dict[str, object] = json.loads(packet_of(outgoing, account or Account(), 9, NOON))
    return made


def test_the_least_is_a_text_and_a_number() -> None:
    assert packet(SMALLEST) == {
        "METHOD": "SMS_SEND_REQUEST",
        "TYPE": "REQUEST",
        "SERIAL": 9,
        "TIME": "2026-11-22 12:00:00",
        "AUTH_KEY": "$CLOUDSMS_AUTH_KEY",
        "ROUTE_ID": "VerifyCode_516",
        "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
        "SMS_CONTENT": "Hello",
        "VERSION": "2021-01-01",
    }


def test_everything_else_has_its_field() -> None:
    body = msgspec.json.decode(b'{"b":1.50,"a":null}', type=dict[str, msgspec.Raw])
    outgoing = Outgoing(
        to=("85267000011",),
        text="Hello",
        sender="Shop",
        signature="S",
        signature_type=9,
        route="nowhere",
        priority=7,
        version="1999",
        customer_body=body,
    )
    made = packet_of(outgoing, Account(), 9, NOON)
    assert json.loads(made) == packet(SMALLEST) | {
        "ORIGINAL_ADDR": "Shop",
        "SIGNATURE": "S",
        "SIGNATURE_TYPE": 9,
        "ROUTE_ID": "nowhere",
        "PRIORITY": 7,
        "VERSION": "1999",
        "CUSTOMER_BODY": {"b": 1.5, "a": None},
    }
    assert b'"CUSTOMER_BODY":{"b":1.50,"a":null}' in made


def test_route_and_version_are_those_of_the_account() -> None:
    profile = msgspec.structs.replace(OBSERVED, versions=("2020-07-12",))
    made = packet(SMALLEST, Account(routes=frozenset({"Mine"}), profile=profile))
    assert (made["ROUTE_ID"], made["VERSION"]) == ("Mine", "2020-07-12")


@pytest.mark.parametrize(
    ("number", "country", "destination"),
    [
        ("85267000011", None, Destination(852, "67000011")),
        ("+852 6700-0011", None, Destination(852, "67000011")),
        ("+1 (242) 555.0100", None, Destination(1, "2425550100")),
        ("6700 0011", 852, Destination(852, "67000011")),
        ("+44 7911 123456", 852, Destination(44, "7911123456")),
        ("67xxxx11", 852, Destination(852, "67xxxx11")),
    ],
)
def test_a_number_is_read_as_people_write_it(number: str, country: int | None, destination: Destination) -> None:
    assert outgoing_destinations(Outgoing(to=(number,), country=country)) == (destination,)


@pytest.mark.parametrize(
    ("number", "country", "told"),
    [
        ("0852", None, 'to[1]: got "0852", want digits that begin with an assigned country code'),
        ("67xxxx11", None, 'to[1]: got "67xxxx11", want digits'),
        ("67000011", 1242, "country: got 1242, want an assigned country calling code such as 852"),
    ],
)
def test_a_number_of_no_country_says_what_would_be_right(number: str, country: int | None, told: str) -> None:
    with pytest.raises(NoCountryError) as error:
        outgoing_destinations(Outgoing(to=("+85267000011", number), country=country))
    assert str(error.value).startswith(told)
