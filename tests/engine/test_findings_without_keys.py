"""No finding quotes an AUTH_KEY. Reading: R18."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.records import rings_of, without_keys
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.masking import KeyRing, fingerprint

KEY = 'a "key" of somebody/99'
MARK = fingerprint(KEY)


def quoting(value: object) -> str:
    return without_keys(found("sender-wrong", "$.ORIGINAL_ADDR", value, "a sender"), [KeyRing([KEY])]).got


def test_a_key_that_is_quoted_is_a_fingerprint() -> None:
    assert quoting(KEY) == f'"{MARK}"'
    assert quoting({"mine": KEY}) == f'{{"mine":"{MARK}"}}'
    assert quoting(Told(f"it is {KEY}, they say")) == f"it is {MARK}, they say"


def test_a_key_in_which_a_quotation_was_cut_off_is_a_fingerprint_too() -> None:
    assert quoting("x" * 60 + KEY) == f'"{"x" * 60}{MARK}…'
    assert quoting("x" * 80 + KEY) == f'"{"x" * 79}…'


def test_a_finding_without_the_key_stays_as_it_is() -> None:
    finding = found("sender-wrong", "$.ORIGINAL_ADDR", "x" * 100, "a sender")
    assert without_keys(finding, [KeyRing([KEY])]) is finding
    assert without_keys(finding, []) is finding


def test_neither_what_is_wanted_nor_a_path_shows_a_key_and_the_keys_of_others_are_hidden_too() -> None:
    other = "b/77 is the key of another"
    rings = rings_of(KeyRing([other, "short"]), KEY)
    finding = found("unknown-field", f"$.{KEY}", f"{other}!", f"not {other}")

    hidden = without_keys(finding, rings)

    mark = fingerprint(other)
    assert (hidden.path, hidden.got, hidden.want) == (f"$.{MARK}", f'"{mark}!"', f"not {mark}")
    assert without_keys(found("route-unknown", "$.ROUTE_ID", "short", ""), rings).got == f'"{fingerprint("short")}"'


@pytest.mark.parametrize("key", ["", "1", "REQUEST"])
def test_a_short_key_may_be_an_ordinary_word(key: str) -> None:
    finding = found("type-wrong", "$.TYPE", "ANSWER REQUEST 1", "REQUEST")
    assert without_keys(finding, rings_of(KeyRing(), key)) is finding


@given(st.text(min_size=8, max_size=128), st.text(max_size=90), st.text(max_size=20))
def test_never_more_than_a_few_characters_of_a_key_are_left(key: str, before: str, after: str) -> None:
    finding = found("sender-wrong", "$.ORIGINAL_ADDR", before + key + after, "a sender")
    got = without_keys(finding, rings_of(KeyRing(), key)).got
    spelled = msgspec.json.encode(key).decode()[1:-1]
    assert spelled not in got or spelled in before + after + fingerprint(key)
