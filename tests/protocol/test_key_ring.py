"""The key ring: any of many keys is found wherever it stands."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.masking import KeyRing, Span, fingerprint

KEYS = ["local-simulator-only", "middle-key", "12345678", "a key with é and 你", "x" * 128]


def found(ring: KeyRing, text: str) -> list[tuple[str, bytes]]:
    octets = text.encode()
    return [(octets[span.start : span.end].decode(), span.mark) for span in ring.spans(octets)]


@pytest.mark.parametrize("before", range(20))
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_found_at_every_place_of_a_text(key: str, before: int) -> None:
    text = f"{'.' * before}{key}{'.' * (20 - before)}"

    assert found(KeyRing(KEYS), text) == [(key, fingerprint(key).encode())]
    assert KeyRing(KEYS).may_be_in(text.encode())


@given(st.lists(st.text("abc", min_size=8, max_size=20), unique=True, max_size=6), st.text("abc", max_size=200))
def test_a_text_has_a_key_exactly_if_one_is_found(keys: list[str], text: str) -> None:
    assert bool(found(KeyRing(keys), text)) == any(key in text for key in keys)


def test_of_two_keys_that_begin_alike_the_longer_is_found() -> None:
    assert found(KeyRing(["tenant-1", "tenant-10"]), "tenant-10 tenant-1") == [
        ("tenant-10", fingerprint("tenant-10").encode()),
        ("tenant-1", fingerprint("tenant-1").encode()),
    ]


def test_a_key_that_was_taken_away_is_found_no_more_and_its_like_still_is() -> None:
    ring = KeyRing(["tenant-number-1", "tenant-number-2", "short", "tenant-1"])
    for key in ("tenant-number-1", "short", "tenant-1"):
        ring.discard(key)

    assert found(ring, "tenant-number-1 tenant-number-2 tenant-1") == [
        ("tenant-number-2", fingerprint("tenant-number-2").encode())
    ]
    assert list(ring.whole_strings(b'"short"')) == []
    assert [key in ring for key in ("tenant-number-1", "tenant-number-2", "short")] == [False, True, False]
    ring.discard("tenant-number-2")
    assert not ring.may_be_in(b"tenant-number-2")
    assert ring.cut_off(b"tenant-numb") is None


def test_a_short_key_is_found_only_as_a_whole_string_that_is_no_name() -> None:
    ring = KeyRing(["x", "TYPE"])

    assert list(ring.spans(b'{"TYPE":"x"}')) == []
    assert list(ring.whole_strings(b'{"TYPE" :"x","A":["TYPE", "xx"]}')) == [
        Span(10, 11, fingerprint("x").encode()),
        Span(19, 23, fingerprint("TYPE").encode()),
    ]


def test_a_ring_is_plain_as_long_as_none_of_its_keys_is_odd() -> None:
    ring = KeyRing(["local-simulator-only"])
    assert ring.plain
    for odd in ('with "quotes"', "back\\slash", "höflich", "per%2Fcent"):
        ring.add(odd)
        assert not ring.plain
        ring.discard(odd)
        assert ring.plain


def test_the_beginning_of_a_key_at_the_end_of_a_text_is_found() -> None:
    ring = KeyRing(["local-simulator-only", "local-simulator-2"])
    mark = fingerprint("local-simulator-2").encode()

    assert ring.cut_off(b"it is local-simulator-2") == Span(6, 23, mark)
    assert ring.cut_off(b"it is local-sim") in {
        Span(6, 15, mark),
        Span(6, 15, fingerprint("local-simulator-only").encode()),
    }
    assert ring.cut_off(b"it is local") is None
    assert ring.cut_off(b"") is None


def test_a_thousand_times_as_many_keys_make_a_search_no_slower() -> None:
    text = b"a text of a customer, with tenant-0000 in it, " * 20_000

    def effort(ring: KeyRing) -> float:
        begun = time.process_time()
        for _ in range(3):
            list(ring.spans(text))
        return time.process_time() - begun

    few = KeyRing(f"tenant-{number:08d}-key" for number in range(5))
    many = KeyRing(f"tenant-{number:08d}-key" for number in range(5_000))
    assert min(effort(many) for _ in range(3)) < 20 * min(effort(few) for _ in range(3))
