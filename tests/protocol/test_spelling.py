"""Spellings: one text, however it is escaped, and where it then stands."""

import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol import masking
from cloudsms_simulator.protocol.masking import is_plain, spellings_of

texts = st.text(st.sampled_from('ab/+"\\\n\té你😀%4'), min_size=1, max_size=12)


def read(text: bytes, sought: str, *, plain: bool = False) -> list[bytes]:
    """The octets that say what is sought, as they came, for each way to read the text."""
    found, octets = [], sought.encode()
    for reading in spellings_of(text, plain=plain, shows=lambda _: True):
        at = reading.text.find(octets)
        if at >= 0:
            start, end = reading.place(at, at + len(octets))
            found.append(text[start:end])
    return found


@pytest.mark.parametrize(
    "spelled",
    [
        "a/b",
        r"a\/b",
        r"a\u002fb",
        r"\u0061\u002F\u0062",
        "a%2Fb",
        "%61%2f%62",
        r"a\\u002fb",
        r"a\\\/b",
        "a%252Fb",
        r"a\u00252Fb",
        "a%5C/b",
    ],
)
def test_a_text_is_read_however_it_is_spelled(spelled: str) -> None:
    body = f'{{"A":"\\n{spelled}\\u00e9"}}'.encode()

    assert read(body, "a/b", plain=True)[0] == spelled.encode()


@given(texts, texts, texts)
def test_whatever_json_writes_is_read_back_and_found_where_it_stands(before: str, sought: str, behind: str) -> None:
    spelled = json.dumps(before)[1:-1].encode(), json.dumps(sought)[1:-1].encode(), json.dumps(behind)[1:-1].encode()

    whole = next(each for each in _json_readings(b"".join(spelled)) if each.text == (before + sought + behind).encode())

    start = len(before.encode())
    assert whole.place(start, start + len(sought.encode())) == (len(spelled[0]), len(spelled[0] + spelled[1]))


@given(texts, texts)
def test_whatever_is_percent_encoded_is_read_back(before: str, sought: str) -> None:
    text = urllib.parse.quote(before, safe="").encode() + urllib.parse.quote(sought, safe="").encode()

    assert sought.encode() in [
        each.text[len(before.encode()) :] for each in spellings_of(text, plain=False, shows=bool)
    ]


@given(st.binary(max_size=60))
def test_any_octets_can_be_read_and_every_octet_has_its_place(text: bytes) -> None:
    for reading in spellings_of(text, plain=False, shows=bool):
        behind = 0
        for at in range(len(reading.text)):
            start, end = reading.place(at, at + 1)
            assert 0 <= start < end <= len(text)
            assert start >= behind or start == reading.place(at - 1, at)[0]
            behind = start


_BITS = (
    "a",
    "\\",
    "\\\\",
    "\\n",
    "\\u0041",
    "\\u00e9",
    "\\u4f60",
    "\\ud83d",
    "\\ude00",
    "\\u",
    "%",
    "%4",
    "%41",
    "u0041",
    "é",
)


@given(st.lists(st.sampled_from(_BITS), max_size=60))
def test_a_long_text_is_read_in_pieces_as_in_one(bits: list[str]) -> None:
    text = "".join(bits).encode()
    whole = _json_readings(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "_PIECE_SEARCHED_FOR_ESCAPES", 20)
        pieces = _json_readings(text)

    assert [each.text for each in pieces] == [each.text for each in whole]
    for piecewise, each in zip(pieces, whole, strict=True):
        places = [each.place(at, at + 1) for at in range(len(each.text))]
        assert [piecewise.place(at, at + 1) for at in range(len(each.text))] == places


def test_plain_is_what_no_writer_of_json_has_to_escape() -> None:
    assert is_plain("cOUlfI/5+vnc == ~")
    for odd in ('"', "\\", "\n", "é", "%", "你"):
        assert not is_plain(f"a{odd}b")


def _json_readings(text: bytes):  # type: ignore[no-untyped-def]
    return list(spellings_of(text, plain=False, shows=bool))
