"""Packed bodies: smaller, and the same again.

Reading: R17.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.records import WORTH_PACKING, packed_body, unpacked_body

PACKET = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 4711,
    "TIME": "2026-11-22 12:00:00",
    "AUTH_KEY": "key-0123abcd",
    "VERSION": "2021-01-01",
    "ROUTE_ID": "VerifyCode_516",
    "SMS_CONTENT": "Dein Code lautet 99887.",
    "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 65, "DEST_MSISDN": "81234567"}],
    "CUSTOMER_BODY": {"order": "A-1"},
}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "spaced"])
def test_a_body_takes_less_than_half_of_its_octets_however_it_is_spaced(separators: tuple[str, str]) -> None:
    body = json.dumps(PACKET, separators=separators).encode()
    assert len(packed_body(body)) < len(body) / 2
    assert unpacked_body(packed_body(body)) == body


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists), st.booleans())
def test_every_json_text_comes_back_as_it_was(value: object, escaped: bool) -> None:
    body = json.dumps({"SMS_CONTENT": value}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert unpacked_body(packed_body(body)) == body


@given(st.binary(max_size=60))
def test_octets_that_would_only_grow_stay_as_they_are(body: bytes) -> None:
    kept = packed_body(body)
    assert len(kept) <= len(body)
    assert body.startswith(b"\0") or unpacked_body(kept) == body


def test_a_body_of_many_destinations_is_left_alone() -> None:
    body = json.dumps({"SMS_CONTENT": "A" * WORTH_PACKING}).encode()
    assert packed_body(body) is body
