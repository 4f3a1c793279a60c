"""Where a value stands in a body, by the path a finding has."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.json_text import Place, Places

BODY = rb"""{"SERIAL": 1, "MULTI_MSISDN_LIST": [ {"COUNTRY_CODE": 852 , "DEST_MSISDN":"6\"7"},{}],
  "SERIAL": 2 ,"odd \u006eame": {"x": [1, [2]]}, "EMPTY": [ ]}"""

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def octets(path: str, body: bytes = BODY) -> bytes:
    place = Places(body).of(path)
    assert place is not None
    assert place.is_there
    return body[place.start : place.end]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", BODY),
        ("$.MULTI_MSISDN_LIST[0]", rb'{"COUNTRY_CODE": 852 , "DEST_MSISDN":"6\"7"}'),
        ("$.MULTI_MSISDN_LIST[0].COUNTRY_CODE", b"852"),
        ("$.MULTI_MSISDN_LIST[0].DEST_MSISDN", rb'"6\"7"'),
        ("$.MULTI_MSISDN_LIST[1]", b"{}"),
        ('$["odd name"].x[1][0]', b"2"),
        ("$.EMPTY", b"[ ]"),
    ],
)
def test_a_place_has_the_octets_of_the_value_and_no_more(path: str, found: bytes) -> None:
    assert octets(path) == found


def test_of_equal_names_the_last_one_counts_as_it_does_for_the_platform() -> None:
    assert octets("$.SERIAL") == b"2"


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("$.VERSION", b"}"),
        ("$.MULTI_MSISDN_LIST[2]", b"]"),
        ("$.MULTI_MSISDN_LIST[1].COUNTRY_CODE", b"}],\n"),
        ("$.EMPTY[0]", b" ]}"),
    ],
)
def test_what_is_missing_has_an_empty_place_where_it_would_stand(path: str, before: bytes) -> None:
    place = Places(BODY).of(path)
    assert place is not None
    assert (place.is_there, place.end - place.start) == (False, 0)
    assert BODY[place.start :].startswith(before)


def test_what_hinders_a_path_is_its_place() -> None:
    body = b'{"MULTI_MSISDN_LIST": "[]"}'
    assert Places(body).of("$.MULTI_MSISDN_LIST[0].COUNTRY_CODE") == Place(22, 26, is_there=False)


@pytest.mark.parametrize("path", ["headers", "body", "", "$SERIAL", "$.A[x]", '$["half]'])
def test_what_is_no_path_has_no_place(path: str) -> None:
    assert Places(BODY).of(path) is None


def test_nothing_is_found_in_nothing() -> None:
    assert Places(b"").of("$.SERIAL") is None
    assert Places(b" \n").of("$") is None


def test_what_arrived_of_a_body_that_was_cut_is_found() -> None:
    body = b'{"SERIAL": 7, "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852}, {"COUN'
    assert octets("$.SERIAL", body) == b"7"
    place = Places(body).of("$.MULTI_MSISDN_LIST[0]")
    assert place is not None
    assert not place.is_there


@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_of_every_body_is_found(value: object, indent: int | None, escaped: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=escaped).encode()
    places = Places(body)

    def check(path: str, inner: object) -> None:
        place = places.of(path)
        assert place is not None
        assert json.loads(body[place.start : place.end]) == inner
        if isinstance(inner, dict):
            for name, each in inner.items():
                check(f"{path}[{json.dumps(name)}]", each)
        elif isinstance(inner, list):
            for index, each in enumerate(inner):
                check(f"{path}[{index}]", each)

    check("$", value)


@pytest.mark.parametrize("path", ["$.SERIAL[…]", '$["odd name"].x[1]["[…]', f"$[{'1' * 5000}]"])
def test_a_path_whose_end_is_left_out_leads_nowhere(path: str) -> None:
    assert Places(BODY).of(path) is None
