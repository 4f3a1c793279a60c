import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsms_simulator.protocol import json_text
from cloudsms_simulator.protocol.json_text import (
    LONE_SURROGATE,
    TOO_DEEP,
    Duplicates,
    duplicate_keys,
    scan,
    too_deep,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def encodings(draw: st.DrawFn, of: st.SearchStrategy[Any] = values) -> bytes:
    """JSON as writers of JSON spell it: with escapes or without, compact, spaced or indented."""
    value = draw(of)
    spacing: dict[str, Any] = draw(st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 2}, {"indent": "\t"}]))
    return json.dumps(value, ensure_ascii=draw(st.booleans()), **spacing).encode()


@st.composite
def damaged_encodings(draw: st.DrawFn) -> bytes:
    """JSON with a few bytes cut out, put in or changed."""
    body = bytearray(draw(encodings()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body)))
        length = draw(st.integers(0, 3))
        other = draw(st.binary(max_size=2) | st.sampled_from([b'"', b"{", b"]", b",", b":", b"\\", b"\\u", b"e", b"-"]))
        body[at : at + length] = other
    return bytes(body)


def refuse(constant: str) -> None:
    raise ValueError(constant)


def is_json(body: bytes) -> bool:
    """What the standard library says, kept from NaN and halves of surrogate pairs."""
    try:
        value = json.loads(body.decode(), parse_constant=refuse, parse_int=str, parse_float=str, object_pairs_hook=list)
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@settings(deadline=None)
@given(encodings())
def test_what_a_json_writer_wrote_is_complete(body: bytes) -> None:
    seen = scan(body)

    assert (seen.ending, seen.reason, seen.end, seen.surplus) == ("complete", "", len(body), False)


@settings(deadline=None)
@given(encodings(st.dictionaries(texts, values, max_size=5)))
def test_the_members_of_a_complete_object_are_its_names_and_values(body: bytes) -> None:
    seen = scan(body)

    assert seen.kind == "object"
    assert {name: json.loads(raw) for name, raw in seen.members} == json.loads(body)


@settings(deadline=None, max_examples=60)
@given(encodings(st.dictionaries(texts, values, max_size=4) | st.lists(values, max_size=4) | texts))
def test_every_prefix_of_an_object_an_array_or_a_string_is_cut(body: bytes) -> None:
    assert {scan(body[:length]).ending for length in range(len(body))} <= {"cut"}


@settings(deadline=None, max_examples=60)
@given(encodings(st.dictionaries(texts, values, min_size=1, max_size=4)), st.data())
def test_a_cut_object_has_the_members_that_arrived_whole(body: bytes, data: st.DataObject) -> None:
    cut = scan(body[: data.draw(st.integers(0, len(body) - 1))])

    assert cut.members == scan(body).members[: len(cut.members)]


@settings(deadline=None, max_examples=500)
@given(damaged_encodings() | st.binary(max_size=30))
def test_a_body_is_complete_exactly_when_the_standard_library_reads_it(body: bytes) -> None:
    seen = scan(body)

    assert (seen.ending == "complete" and not seen.surplus) is is_json(body)


@settings(deadline=None)
@given(damaged_encodings(), st.binary(max_size=5))
def test_nothing_that_follows_mends_a_broken_body(body: bytes, more: bytes) -> None:
    seen = scan(body)

    if seen.ending == "broken" and seen.reason != LONE_SURROGATE:
        later = scan(body + more)
        assert (later.ending, later.reason, later.offset) == ("broken", seen.reason, seen.offset)


@settings(deadline=None)
@given(encodings(), st.sampled_from([b"x", b"}", b" 0", b"\n{}", b"\x00", b"\\", b',"a":1}']))
def test_bytes_after_the_value_are_surplus_and_do_not_break_it(body: bytes, more: bytes) -> None:
    seen = scan(body + b" " + more)

    assert (seen.ending, seen.end, seen.surplus) == ("complete", len(body), True)


@settings(deadline=None)
@given(encodings(), st.text(" \t\r\n", max_size=3), st.text(" \t\r\n", max_size=3))
def test_white_space_around_the_value_is_no_surplus(body: bytes, before: str, behind: str) -> None:
    seen = scan(before.encode() + body + behind.encode())

    assert (seen.ending, seen.end, seen.surplus) == ("complete", len(before) + len(body), False)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n",
        b"{",
        b"[",
        b'"',
        b"-",
        b"1.",
        b"1e",
        b"1E+",
        b"t",
        b"tru",
        b"fals",
        b"nul",
        b"[1",
        b"[1,",
        b"[1, ",
        b"[tr",
        b"[-",
        b"[1.5e-",
        b'{"',
        b'{"A',
        b'{"A"',
        b'{"A" ',
        b'{"A":',
        b'{"A": ',
        b'{"A":1',
        b'{"A":1,',
        b'{"A":{"B":[1,{"C":',
        b'"\\',
        b'"\\u',
        b'"\\u12',
        b'"\\ud83d\\u',
        b'"\\\\',
        b'"\\"',
        b'{"A\\',
        "“".encode()[:2],
        b'{"A":"' + "你".encode()[:1],
        b'{"A":"' + "你".encode()[:2],
        b'{"A":"' + "😀".encode()[:3],
        b'{"A":1}' + "你".encode()[:2],
        b'{"A":"\\ud800"',
        b'["\\ud800",',
    ],
)
def test_running_out_of_input_is_cut(body: bytes) -> None:
    seen = scan(body)

    assert seen.ending == "cut"
    assert seen.reason.startswith("the body ends")


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (b"x", 0),
        (b"\x00", 0),
        (b"{]", 1),
        (b"{,", 1),
        (b"{1", 1),
        (b"{'A':1}", 1),
        (b'{"A" 1}', 5),
        (b'{"A"=1}', 4),
        (b'{"A":1 "B":2}', 7),
        (b'{"A":1;', 6),
        (b'{"A":1]', 6),
        (b'{"A":1,}', 7),
        (b"[1,]", 3),
        (b"[,", 1),
        (b"[1}", 2),
        (b"[1 2]", 3),
        (b"[01]", 2),
        (b"[1.x", 3),
        (b"[1.e5]", 3),
        (b"[1.5.", 4),
        (b"[1-", 2),
        (b"[--1]", 2),
        (b"[+1]", 1),
        (b"[.5]", 1),
        (b"[1ex]", 3),
        (b"truthy", 0),
        (b"True", 0),
        (b"[nulll]", 5),
        (b"NaN", 0),
        (b"[NaN]", 1),
        (b"[Infinity]", 1),
        (b"[-Infinity]", 2),
        (b"N", 0),
        (b"[\x0b1]", 1),
        (b'"a\nb"', 2),
        (b'"a\x00', 2),
        (b'{"a\tb":1}', 3),
        (b'"\\x41"', 1),
        (b'"\\u12g4"', 1),
        (b'"\\u12"', 1),
        (b'"\\U0041"', 1),
        (b'["\\\\\\q"]', 4),
        (b"\\", 0),
        (b"[\\", 1),
        (b"\xef\xbb\xbf{}", 0),
        (b'{"A":"\xff"}', 6),
        (b'{"A":"\xff', 6),
        (b'{"A":"\xc4\xe3\xba\xc3"}', 6),
        (b'{"A":"\xed\xa0\x80"}', 6),
        (b'{"A":"\xc0\xaf"}', 6),
        (b'{"A":1}\xff', 7),
        (b"{x\xe4\xbd", 1),
        (b"//", 0),
        (b"[1,/**/2]", 3),
    ],
)
def test_what_is_not_json_is_broken_where_it_stops_being_json(body: bytes, offset: int) -> None:
    seen = scan(body)

    assert (seen.ending, seen.offset) == ("broken", offset)
    assert seen.reason


@pytest.mark.parametrize(
    "rest", [b"\xff", b'\xff"}', "验".encode()[:2], "验".encode(), b"u00\xff", b"u0" + "验".encode()[:1]]
)
def test_an_escape_that_nothing_can_complete_any_more_is_broken_whatever_follows(rest: bytes) -> None:
    seen = scan(b'{"A":"x\\' + rest)
    assert (seen.ending, seen.reason, seen.offset) == ("broken", "not an escape of JSON", 7)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("garbage", '"g" where a value should begin'),
        ('{"a":名称}', '"名" where a value should begin'),
        (r"{\"a\":1}", r'"\\" where a name in double quotes should begin'),
        ("{'a':1}", '"\'" where a name in double quotes should begin'),
        ('{"a"=1}', '"=" where a colon should stand'),
        ('{"a":1;"b":2}', '";" where a comma or } should stand'),
        ('["a" "b"]', r'"\"" where a comma or ] should stand'),
        ("{\x00}", r'"\u0000" where a name in double quotes should begin'),
    ],
)
def test_what_stands_in_a_wrong_place_is_shown_and_no_more_than_that(body: str, reason: str) -> None:
    assert scan(body.encode()).reason == reason


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{}", "object"),
        (b" [ ] ", "array"),
        (b'""', "string"),
        (b"0", "number"),
        (b"-0.5E+3", "number"),
        (b"null", "literal"),
        (b"true", "literal"),
        (b"1e400", "number"),
    ],
)
def test_the_outermost_value_has_a_kind(body: bytes, kind: str) -> None:
    seen = scan(body)

    assert (seen.ending, seen.kind, seen.members) == ("complete", kind, ())


def test_members_keep_their_spelling_their_order_and_their_duplicates() -> None:
    seen = scan(b'{ "A" : 1.50 , "B\\u0041": { "x" : [ 1,2 ] }\n,"A":"\\u00e9\\/" }')

    assert seen.members == (("A", b"1.50"), ("BA", b'{ "x" : [ 1,2 ] }'), ("A", b'"\\u00e9\\/"'))


def test_members_read_before_the_trouble_are_kept() -> None:
    assert scan(b'{"A":1,"B":[2,3],"C":x}').members == (("A", b"1"), ("B", b"[2,3]"))
    assert scan(b'{"A":1,"B":[2,3],"C":"x').members == (("A", b"1"), ("B", b"[2,3]"))
    assert scan(b'{"A":1,"B":"\xff"}').members == (("A", b"1"),)
    assert scan(b'{"A":true').members == (("A", b"true"),)


def test_a_number_that_may_have_lost_digits_is_no_complete_member() -> None:
    assert scan(b'{"A":1,"SERIAL":12').members == (("A", b"1"),)
    assert scan(b'{"A":1,"SERIAL":12 ').members == (("A", b"1"), ("SERIAL", b"12"))


def test_a_name_with_half_of_a_surrogate_pair_can_still_be_written_as_utf8() -> None:
    assert scan(b'{"a\\ud800":1}').members == (("a\ufffd", b"1"),)


@pytest.mark.parametrize(
    "text", ["\\ud800", "\\udc00", "\\ude00\\ud83d", "\\ud83d\\ud83d\\ude00", "\\ud83d\\ude00\\ude00", "\\ud83dx"]
)
def test_half_of_a_surrogate_pair_breaks_a_body_that_is_complete(text: str) -> None:
    body = f'{{"A":"{text}"}}'.encode()

    seen = scan(body)

    assert (seen.ending, seen.reason) == ("broken", LONE_SURROGATE)
    assert len(seen.members) == 1


@pytest.mark.parametrize("text", ["\\ud83d\\ude00", "\\uD83D\\uDE00", "\\\\ud800", "\\u0041", "ud800", "\\\\\\\\udc00"])
def test_pairs_and_escaped_backslashes_are_no_halves(text: str) -> None:
    body = f'{{"A":"{text}"}}'.encode()

    assert scan(body).ending == "complete"


def test_a_hundred_containers_are_read_and_one_more_is_not() -> None:
    hundred = b"[" * 100 + b"]" * 100
    objects = b'{"a":' * 100 + b"1" + b"}" * 100

    assert (scan(hundred).ending, scan(objects).ending) == ("complete", "complete")
    assert not too_deep(hundred)
    assert not too_deep(objects)
    for deeper in (b"[" + hundred + b"]", b'{"a":' + objects + b"}", b"[" + objects + b"]"):
        assert (scan(deeper).ending, scan(deeper).reason) == ("broken", TOO_DEEP)
        assert too_deep(deeper)


def test_a_mebibyte_of_brackets_is_too_deep_and_nothing_worse() -> None:
    assert scan(b"[" * 2**20).reason == TOO_DEEP
    assert scan(b'{"":' * 2**18).reason == TOO_DEEP
    assert too_deep(b"[" * 2**20)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b",".join([b'{"A":[{}]}'] * 300) + b"]",
        b'["' + b"[" * 300 + b'"]',
        b'["\\"' + b"[" * 300 + b'"]',
        b'["\\\\","' + b"[{" * 300 + b'"]',
        b"[" * 300 + b"x",
    ],
)
def test_many_brackets_alone_are_not_deep(body: bytes) -> None:
    assert too_deep(body) is (scan(body).reason == TOO_DEEP)


def test_brackets_in_strings_hide_no_depth() -> None:
    body = b'["]",' * 150 + b"1" + b"]" * 150

    assert too_deep(body)


@settings(deadline=None)
@given(st.integers(90, 110), st.lists(st.sampled_from([b"[", b'{"k":', b'["]",', b'{"}":"[","x":']), max_size=8))
def test_too_deep_agrees_with_the_scan(depth: int, openers: list[bytes]) -> None:
    openers = (openers or [b"["]) * depth
    closers = [b"}" if opener.startswith(b"{") else b"]" for opener in reversed(openers[:depth])]
    body = b"".join([*openers[:depth], b"1", *closers])

    assert too_deep(body) is (depth > 100)
    assert (scan(body).reason == TOO_DEEP) is (depth > 100)


def test_of_very_many_members_the_first_thousand_are_told_apart_and_all_are_read() -> None:
    members = b",".join([b'"k%d":[%d]' % (number, number) for number in range(1_500)])
    whole, broken = scan(b"{%b}" % members), scan(b'{%b,"x":nope}' % members)

    assert (whole.ending, len(whole.members), whole.members[-1]) == ("complete", 1_000, ("k999", b"[999]"))
    assert (broken.ending, broken.offset) == ("broken", len(members) + 6)


@pytest.mark.parametrize(
    "unit", [b'[],{"a":0},[0, "]" ],', b"[" * 90 + b"0" + b"]" * 90 + b",", b'[ {"a" : [ {"b":[ 0 ]} ]} ],']
)
def test_only_the_end_of_a_body_is_read_value_by_value(monkeypatch: pytest.MonkeyPatch, unit: bytes) -> None:
    read: list[int] = []
    monkeypatch.setattr(json_text.JsonReader, "_pass", lambda reader, position, closers: read.append(position))
    reader = json_text.JsonReader(b'{"x":[' + unit * 1_000)

    reader.value(0)

    assert read == [5 + len(unit) * 1_000]


@given(
    st.recursive(
        st.sampled_from([b'"]"', b'"{, "', b'"\\n"', b"1", b"-1.5e3", b"null", b"NaN", b"-Infinity", b"01", b"x", b""]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda each: b"[ %b ]" % b" ,".join(each)),
            st.lists(inner, max_size=4).map(lambda each: b"{%b}" % b", ".join(b'"k" : ' + value for value in each)),
        ),
        max_leaves=20,
    ),
    st.integers(0, 200),
    st.sampled_from([0, 95, 99]),
)
def test_a_body_is_read_as_it_is_value_by_value(body: bytes, end: int, around: int) -> None:
    text = (b"[" * around + body)[: around + end]
    reader = json_text.JsonReader(text)
    if text[:1] in (b"[", b"{") and text:
        assert reader.value(0) == reader._pass(0, bytearray())


@pytest.mark.parametrize(
    ("body", "ending", "offset"),
    [
        (b"[" * 100 + b"]" * 100, "complete", 200),
        (b"[" * 101 + b"]" * 101, "broken", 100),
        (b"[[[0]]] ]", "complete", 7),
        (b"[[0]]]]", "complete", 5),
        (b'[{"a":[[0]]]', "broken", 11),
        (b'[{"a":[[0]]}}', "broken", 12),
        (b"[[[0]],]", "broken", 7),
        (b"[[[0]] ,\n0]", "complete", 11),
    ],
)
def test_brackets_side_by_side_are_told_apart(body: bytes, ending: str, offset: int) -> None:
    assert (scan(body).ending, scan(body).offset) == (ending, offset)


def test_depth_is_worked_out_without_reading_the_body_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "scan", None)
    branches = b"[" + b",".join([b"[" * 98 + b'"]["' + b"]" * 98] * 200) + b"]"

    assert not too_deep(branches)
    assert too_deep(b"[[" + branches + b"]]")


@given(
    st.recursive(
        st.sampled_from(['"]"', '"{"', '"\\\\"', "1"]),
        lambda inner: st.lists(inner, min_size=1, max_size=4).map(lambda each: f"[{','.join(each)}]"),
        max_leaves=40,
    ),
    st.integers(80, 105),
)
def test_too_deep_agrees_with_the_scan_on_every_tree(tree: str, around: int) -> None:
    body = ("[0," * around + tree + "]" * around).encode()

    assert too_deep(body) is (scan(body).reason == TOO_DEEP)


def test_at_most_so_many_duplicate_keys_and_values_are_walked_over() -> None:
    many = b"{" + b",".join([b'"a%d":0,"a%d":0' % (index, index) for index in range(100)]) + b"}"
    behind = b"[" + b"[]," * 20_000 + b'{"a":0,"a":0}]'

    assert (len(duplicate_keys(many).paths), duplicate_keys(many).more) == (20, True)
    assert duplicate_keys(behind) == Duplicates((), more=True)
    assert duplicate_keys(b"[" + b"[]," * 20_000 + b"0]") == Duplicates((), more=False)


def test_duplicate_keys_are_named_by_their_path() -> None:
    body = b'{"A":1,"L":[{"B":1},{"B":1,"B":2,"B":3}],"A":{"a b":1,"a b":2},"C":{"D":1}}'

    assert duplicate_keys(body).paths == ("$.A", "$.L[1].B", '$.A["a b"]')


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 5000 + b"]" * 5000, b"\xef\xbb\xbf{}", b"1" * 5000, b'"x"']
)
def test_a_body_nobody_can_read_has_no_duplicate_keys(body: bytes) -> None:
    assert duplicate_keys(body).paths == ()


@pytest.mark.parametrize("unit", [b"[[1],2],", b"1,", b'"\\n",', b'{"a":1,"b":"\\u0041"},', b" \n0,"])
def test_a_mebibyte_of_anything_is_read_to_its_end(unit: bytes) -> None:
    body = b"[" + unit * (2**20 // len(unit)) + b"0]"

    assert (scan(body).ending, scan(body).end) == ("complete", len(body))


def test_the_path_of_a_duplicate_key_has_at_most_1000_characters() -> None:
    deep = b'{"%b":' % (b"n" * 30) * 40
    shown = ".".join(["$", *["n" * 30] * 40])[:1000]

    assert duplicate_keys(b"%b{}%b" % (deep, b"}" * 40)).paths == ()
    assert duplicate_keys(b'%b{"a":1,"a":2}%b' % (deep, b"}" * 40)).paths == (f"{shown}[…]",)
    assert duplicate_keys(b'{"%b":1,"%b":2}' % (b"k" * 5000, b"k" * 5000)).paths == (f"$.{'k' * 998}[…]",)
