import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.json_text import (
    TOO_DEEP,
    JsonReader,
    Member,
    Stop,
    after_white_space,
    bad_escape,
    bad_utf8,
    quotes_bared,
)


@pytest.mark.parametrize(
    ("body", "bared"),
    [
        (b'"a"', b'"a"'),
        (b'"a\\""', b'"a__"'),
        (b'"a\\\\"', b'"a__"'),
        (b'"a\\\\\\""', b'"a____"'),
        (b'"\\n\\u0022"', b'"\\n\\u0022"'),
    ],
)
def test_every_quote_of_a_bared_body_begins_or_ends_a_string(body: bytes, bared: bytes) -> None:
    assert quotes_bared(body) == bared


@given(st.binary())
def test_a_bared_body_is_as_long_as_it_was(body: bytes) -> None:
    assert len(quotes_bared(body)) == len(body)


def test_white_space_is_blank_tab_and_the_ends_of_lines() -> None:
    assert after_white_space(b"x \t\r\n\x0b", 1) == 5
    assert after_white_space(b"x  ", 1) == 3


@pytest.mark.parametrize(
    ("body", "stop"),
    [
        ("你好".encode(), None),
        ("你".encode()[:2], Stop("cut", "the body ends inside a UTF-8 sequence", 0)),
        (b"ab\xff", Stop("broken", "byte 0xFF is not UTF-8", 2)),
        (b"ab\xe4(", Stop("broken", "byte 0xE4 is not UTF-8", 2)),
    ],
)
def test_bytes_are_utf8_or_cut_or_neither(body: bytes, stop: Stop | None) -> None:
    assert bad_utf8(body) == stop


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        (b'"\\n\\/\\u00e9"', None),
        (b'"\\u00', Stop("cut", "the body ends inside an escape", 1)),
        (b'"\\u00g0', Stop("broken", "not an escape of JSON", 1)),
        (b'"\\n\\x', Stop("broken", "not an escape of JSON", 3)),
    ],
)
def test_an_escape_is_one_of_json_or_cut_or_neither(text: bytes, stop: Stop | None) -> None:
    assert bad_escape(text) == stop


def test_a_value_is_passed_over_with_the_white_space_behind_it() -> None:
    assert JsonReader(b'xx{"a":[1,{}],"b":{"c":null}} \n,').value(2) == Stop("complete", "", 31)
    assert JsonReader(b"-1.5e+3,").value(0) == Stop("complete", "", 7)


def test_the_containers_around_a_value_count_as_its_depth() -> None:
    assert JsonReader(b"[" * 99 + b"[]").value(99).ending == "complete"
    assert JsonReader(b"[" * 100 + b"[]").value(100) == Stop("broken", TOO_DEEP, 100)
    assert JsonReader(b"[" * 100 + b"1").value(100).ending == "complete"


def test_long_runs_of_scalars_are_passed_over_like_short_ones() -> None:
    for count in (199, 200, 201, 202, 1000):
        array = b"[" + b",".join([b"1"] * count) + b"]"
        fields = b"{" + b" , ".join([b'"a": "b"'] * count) + b"}"
        assert JsonReader(array).value(0) == Stop("complete", "", len(array))
        assert JsonReader(fields).value(0) == Stop("complete", "", len(fields))
        assert JsonReader(array[:-1] + b",x]").value(0).offset == len(array)


def test_members_are_told_with_where_the_object_stops() -> None:
    text = b'{ "a" : 1 , "b":[2] }'

    members, stop = JsonReader(text).members(0)

    assert members == [Member(slice(2, 5), slice(8, 10)), Member(slice(12, 15), slice(16, 20))]
    assert stop == Stop("complete", "", 21)


@pytest.mark.parametrize(
    ("text", "passed", "stop"),
    [
        (b"{}", 0, Stop("complete", "", 2)),
        (b"{", 0, Stop("cut", "the body ends inside an object", 1)),
        (b'{"a":1]', 1, Stop("broken", "where a comma or } should stand", 6, misplaced=True)),
        (b'{"a":1;', 1, Stop("broken", "where a comma or } should stand", 6, misplaced=True)),
        (b'{"a":1 ', 1, Stop("cut", "the body ends inside an object", 7)),
        (b'{"a":1', 0, Stop("cut", "the body ends inside an object", 6)),
        (b'{"a":x', 0, Stop("broken", "where a value should begin", 5, misplaced=True)),
        (b'{"a":1,}', 1, Stop("broken", "where a name in double quotes should begin", 7, misplaced=True)),
        (b'{"a" 1}', 0, Stop("broken", "where a colon should stand", 5, misplaced=True)),
    ],
)
def test_where_an_object_stops(text: bytes, passed: int, stop: Stop) -> None:
    members, last = JsonReader(text).members(0)

    assert (len(members), last) == (passed, stop)


@pytest.mark.parametrize("depth", [*range(1, 9), 50, 93, 94, 98, 99])
@pytest.mark.parametrize("white", [b"", b" \n"])
def test_containers_are_passed_over_however_deep_they_lie_and_end_together(depth: int, white: bytes) -> None:
    arrays = (b"[" + white) * depth + b"0" + (white + b"]") * depth
    mixed = b'[{"a":' * (depth // 2) + b"[[0],0]" + b"}]" * (depth // 2)
    for element in (arrays, b'{"a":' * depth + b"0" + b"}" * depth, mixed if depth < 97 else arrays):
        text = b"[" + b",".join([element] * 3) + b"]"
        assert JsonReader(text).value(0) == Stop("complete", "", len(text))
        assert JsonReader(text[:-1]).value(0) == Stop("cut", "the body ends inside an array", len(text) - 1)
        broken = text[:-1] + b"}"
        assert JsonReader(broken).value(0) == Stop(
            "broken", "where a comma or ] should stand", len(text) - 1, misplaced=True
        )


@pytest.mark.parametrize("beside", [b"", b"[[0]],", b"0,"])
def test_the_hundred_and_first_container_is_where_reading_stops(beside: bytes) -> None:
    text = b"[" * 95 + beside + b"[" * 6
    assert JsonReader(text).value(0) == Stop("broken", TOO_DEEP, len(text) - 1)
    assert JsonReader(text[:-1]).value(0).ending == "cut"


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        (b"[[0,]]", 4),
        (b"[[,0]]", 2),
        (b"[[0 0]]", 4),
        (b"[{]]", 2),
        (b'[{"a":0,}]', 8),
        (b"[[0}]", 3),
        (b"[[0],[0] 0]", 9),
    ],
)
def test_what_is_wrong_in_a_container_is_found_where_it_is(wrong: bytes, at: int) -> None:
    assert (JsonReader(wrong).value(0).ending, JsonReader(wrong).value(0).offset) == ("broken", at)
    assert JsonReader(b"[[[0]]," + wrong + b"]").value(0).offset == 7 + at
