"""Bodies with marks in them: every octet is shown once, and each mark stands where its finding is about."""

import json

import pytest

from cloudsms_simulator.inbox.detail import MAX_SHOWN, BodyMark, BodyPiece, MarkedBody, marked_body, pretty_json

BODY = b'{"SERIAL":1.50,"MULTI_MSISDN_LIST":[{"COUNTRY_CODE":"x"},{}],"TEXT":"\\u4f60"}'


def error(path: str, number: int = 1) -> BodyMark:
    return BodyMark(path, number, "error", "wrong")


def stretches(found: MarkedBody) -> list[tuple[str, str]]:
    return [(piece.text, piece.kind) for piece in found.pieces if piece.kind]


def text_of(found: MarkedBody) -> str:
    return "".join(piece.text for piece in found.pieces if not piece.is_missing)


def test_a_packet_is_laid_out_with_its_numbers_and_escapes_as_they_were() -> None:
    assert pretty_json(b'{"SERIAL":1.50,"TEXT":"\\u4f60"}') == b'{\n  "SERIAL": 1.50,\n  "TEXT": "\\u4f60"\n}'


@pytest.mark.parametrize("body", [b"", b'{"SERIAL":', b"\xff\xfe", b"{} {}", b"[" * 5000])
def test_what_is_no_json_is_shown_as_it_came(body: bytes) -> None:
    assert pretty_json(body) == body


def test_a_deep_nest_is_shown_as_it_came_where_its_indentation_would_be_most_of_it() -> None:
    nest = b"[" + b",".join([b"[" * 95 + b"0" + b"]" * 95] * 300) + b"]"
    assert pretty_json(nest) == nest
    assert text_of(marked_body(nest)).encode() == nest[:MAX_SHOWN]
    shallow = b"[" + b",".join([b"[0]"] * 10_000) + b"]"
    assert pretty_json(shallow).startswith(b"[\n  [\n    0\n  ],")


def test_a_finding_marks_its_value_and_no_text_is_lost() -> None:
    mark = error("$.MULTI_MSISDN_LIST[0].COUNTRY_CODE", 3)
    found = marked_body(BODY, [mark])
    assert stretches(found) == [('"x"', "error")]
    assert [piece.begins for piece in found.pieces if piece.begins] == [(mark,)]
    assert json.loads(text_of(found)) == json.loads(BODY)


def test_what_is_missing_is_named_where_it_would_stand() -> None:
    mark = error("$.MULTI_MSISDN_LIST[1].COUNTRY_CODE")
    found = marked_body(BODY, [mark])
    assert BodyPiece("COUNTRY_CODE", "error", (mark,), ("wrong",), is_missing=True) in found.pieces
    assert text_of(found).encode() == pretty_json(BODY)


def test_marks_may_stand_within_marks_and_the_worst_is_seen() -> None:
    whole = BodyMark("$.MULTI_MSISDN_LIST", 1, "warning", "many")
    found = marked_body(BODY, [whole, error("$.MULTI_MSISDN_LIST[0].COUNTRY_CODE", 2)])
    kinds = [kind for _, kind in stretches(found)]
    assert kinds == ["warning", "error", "warning"]
    assert [piece.labels for piece in found.pieces if piece.kind == "error"] == [("many", "wrong")]
    assert text_of(found).encode() == pretty_json(BODY)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{'SERIAL': 1}", "'"),
        (b'{"A":1} and more', " and more"),
        (b'{"A": "\xc3(', "\\xc3"),
        ('{"A": 1, ä'.encode(), "ä"),
        (b'["a packet"]', '[\n  "a packet"\n]'),
    ],
)
def test_a_body_that_is_no_packet_is_marked_where_it_stops_being_one(body: bytes, text: str) -> None:
    assert stretches(marked_body(body, [error("body")])) == [(text, "error")]


def test_a_body_that_was_cut_is_marked_where_it_ends() -> None:
    found = marked_body(b'{"SERIAL": 7, "TI', [error("body")])
    assert [piece.is_missing for piece in found.pieces] == [False, True]


@pytest.mark.parametrize("path", ["headers", "connection", "body"])
def test_what_is_about_no_octet_is_not_placed(path: str) -> None:
    assert marked_body(BODY, [error(path)]).unplaced == (error(path),)


def test_a_change_that_took_something_away_is_not_placed() -> None:
    change = BodyMark("$.SENDER_ID", 1, "change", "no field")
    assert marked_body(BODY, [change]).unplaced == (change,)


def test_a_long_body_is_cut_and_says_by_how_much() -> None:
    body = json.dumps({"TEXT": "x" * MAX_SHOWN, "LAST": 1}).encode()
    found = marked_body(body, [error("$.LAST")])
    assert len(text_of(found)) == MAX_SHOWN
    assert found.left_out == len(pretty_json(body)) - MAX_SHOWN
    assert found.unplaced == (error("$.LAST"),)
