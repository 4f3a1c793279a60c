"""The echo: what an answer repeats of its request, whatever was wrong with it.

Spec: Response UIP Format. Reading: R4.
"""

import json

import pytest

OK, INVALID = 1, 0x10000001
HONG_KONG = (852, "67000011")


def test_a_refused_destination_echoes_only_what_fits_as_in_a_refused_request(world) -> None:
    here = world()
    sent = here.send(HONG_KONG, (99_999, "1" * 33), (-852, "67000011"), (9999, "1" * 32))
    assert [(item["COUNTRY_CODE"], item["DEST_MSISDN"]) for item in sent.items] == [
        HONG_KONG,
        (0, ""),
        (0, "67000011"),
        (9999, "1" * 32),
    ]
    assert sent.codes == [OK, OK, INVALID, INVALID, INVALID]


@pytest.mark.parametrize(
    ("serial", "echoed"), [(0, 0), (65535, 65535), (65536, 0), (-1, 0), ("7", 0), (7.0, 0), (True, 0), (None, 0)]
)
def test_serial_echoes_an_unsigned_integer_in_its_range_else_0(world, serial: object, echoed: int) -> None:
    here = world()
    assert json.loads(here.receive(here.packet(SERIAL=serial, VERSION="old")).body)["SERIAL"] == echoed


@pytest.mark.parametrize("entries", [0, 201])
def test_a_list_that_is_empty_or_too_long_has_no_items(world, entries: int) -> None:
    here = world()
    destinations = [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * entries
    assert here.send(MULTI_MSISDN_LIST=destinations).codes == [INVALID]


@pytest.mark.parametrize(
    "body", [b'{"SERIAL":7,"MULTI_MSISDN_LIST":[{}],"SMS_CON', b'[{"SERIAL":7}]', b'{"SERIAL":7}}']
)
def test_nothing_is_echoed_of_a_body_that_is_no_object(world, body: bytes) -> None:
    answer = json.loads(world().receive(body).body)
    assert (answer["SERIAL"], answer["DETAIL_LIST"]) == (7 if body.endswith(b"}}") else 0, [])
