import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsms_simulator.protocol.masking import (
    KeyRing,
    fingerprint,
    hide,
    hide_in_json,
    hide_in_quotation,
    mask,
    mask_headers,
)

KEY = "cOUlfIimjcBgfxf5cNaiOZ7BLsonagmjt5+vncIGdKOsZXsjkuQjERKtSrm7iTvNKgcXvvLsK9+ptfYQHFgB0a=="
SLASHED = "local/only+key//0123456789=="
MARK = fingerprint(KEY)


def test_a_fingerprint_is_short_and_stays_the_same() -> None:
    assert fingerprint("local-simulator-only") == "key-bb811c7f"
    assert fingerprint("local-simulator-onlx") != fingerprint("local-simulator-only")


def test_the_key_of_a_packet_becomes_its_fingerprint_and_nothing_else_changes() -> None:
    body = b'{"METHOD" : "SMS_SEND_REQUEST",\n"AUTH_KEY":"%b", "SMS_CONTENT":"\\u4f60\\n"}' % KEY.encode()

    assert mask(body, KEY) == body.replace(KEY.encode(), MARK.encode())


def test_the_same_key_in_another_field_has_the_same_fingerprint() -> None:
    body = json.dumps({"AUTH_KEY": KEY, "ROUTE_ID": KEY, "SMS_CONTENT": f"my key is {KEY}!"}).encode()

    masked = json.loads(mask(body, KEY))

    assert masked == {"AUTH_KEY": MARK, "ROUTE_ID": MARK, "SMS_CONTENT": f"my key is {MARK}!"}


@pytest.mark.parametrize(
    "spelled",
    [
        SLASHED.replace("/", "\\/"),
        SLASHED.replace("/", "\\u002f"),
        SLASHED.replace("/", "\\u002F"),
        SLASHED.replace("+", "\\u002b"),
        SLASHED.replace("/", "\\/", 1),
        "".join(f"\\u{ord(character):04x}" for character in SLASHED),
    ],
)
def test_a_key_is_found_however_json_spells_it(spelled: str) -> None:
    body = f'{{"AUTH_KEY":"{spelled}","ROUTE_ID":"{SLASHED}","SMS_CONTENT":"https:\\/\\/\\u0061"}}'.encode()

    masked = mask(body, SLASHED)

    mark = fingerprint(SLASHED)
    assert masked == f'{{"AUTH_KEY":"{mark}","ROUTE_ID":"{mark}","SMS_CONTENT":"https:\\/\\/\\u0061"}}'.encode()


@pytest.mark.parametrize(
    "template",
    [
        '{"AUTH_KEY":"<key>","B":1}',
        '{"AUTH_KEY":"<key>","B":',
        '{"AUTH_KEY" : "<key>',
        '{"AUTH_KEY":"<key>\\',
        '{"auth_key":"<key>","authKey":"<key>","Auth-Key":"<key>"}',
        '{"AUTH\\u005fKEY":"<key>"}',
        '{"uip_head":{"AUTH_KEY":"<key>"}}',
        '{"AUTH_KEY":["<key>"]}',
        '{"AUTH_KEY":"<key>","AUTH_KEY":"<key>"}',
        '{"ROUTE_ID":"<key>","AUTH_KEY":"<key>"',
        "{'AUTH_KEY': '<key>', 'B': 1}",
        "METHOD=SMS_SEND_REQUEST&AUTH_KEY=<key>&SERIAL=1",
        '"{\\"AUTH_KEY\\": \\"<key>\\", \\"B\\": 1}"',
        "/dave/io?AUTH_KEY=<key>",
        "AUTH_KEY: <key>\n",
        "AUTH_KEY: <key>",
    ],
)
def test_a_key_nobody_could_read_is_found_by_its_name(template: str) -> None:
    masked = mask(template.replace("<key>", KEY).encode(), None)

    # What is left of an escape belongs to the key that was cut off.
    if not template.endswith("\\"):
        assert masked == template.replace("<key>", MARK).encode()
    assert KEY.encode() not in masked


def test_a_second_key_of_the_same_packet_is_masked_too() -> None:
    masked = mask(b'{"AUTH_KEY":"another-key-0123456789","AUTH_KEY":"%b"}' % KEY.encode(), KEY)

    assert masked == f'{{"AUTH_KEY":"{fingerprint("another-key-0123456789")}","AUTH_KEY":"{MARK}"}}'.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"AUTH_KEY":""}',
        b'{"AUTH_KEY":null,"B":1}',
        b'{"AUTH_KEY":true}',
        b'{"AUTH_KEY":12}',
        b'{"AUTH_KEY":{}}',
        b'{"SMS_CONTENT":"Your AUTH_KEY, please"}',
        b'{"ROUTE_ID":"Please input your AUTH_KEY","PRIORITY":0}',
        b'{"AUTH_KEY":"key-0123abcd"}',
        b"\xff\xfe\x00AUTH_KEY",
    ],
)
def test_where_no_key_is_nothing_changes(body: bytes) -> None:
    assert mask(body, None) == body


def test_a_key_that_ends_in_a_backslash_takes_its_escape_along() -> None:
    body = b'{"ROUTE_ID":"=======\\u005c","AUTH_KEY":"=======\\\\"}'

    mark = fingerprint("=======\\").encode()
    assert mask(body, "=======\\") == b'{"ROUTE_ID":"%b","AUTH_KEY":"%b"}' % (mark, mark)


def test_a_short_key_is_masked_only_where_it_is_a_whole_string() -> None:
    body = b'{"AUTH_KEY":"TYPE","TYPE":"REQUEST","ROUTE_ID":"TYPE","SMS_CONTENT":"TYPE it"}'

    mark = fingerprint("TYPE").encode()
    assert mask(body, "TYPE") == (
        b'{"AUTH_KEY":"%b","TYPE":"REQUEST","ROUTE_ID":"%b","SMS_CONTENT":"TYPE it"}' % (mark, mark)
    )


def test_a_body_that_is_all_keys_is_masked_without_searching_for_ever() -> None:
    body = b",".join(b'"AUTH_KEY":"key number %d \\u0041"' % number for number in range(20_000))

    assert b"key number" not in mask(body, None)
    assert b"AAAA" not in mask(b'{"AUTH_KEY":"' + b"A" * 2**20, None)
    assert b"AAAA" not in mask(b'{"AUTH_KEY":"' + b"AAAA\\n" * 250 + b'"}', None)


# No character of a fingerprint, so that a key cannot be part of one.
characters = st.sampled_from('GHIJ/+="\\\n\té你😀')
keys = st.text(characters, min_size=8, max_size=20)


@st.composite
def spellings(draw: st.DrawFn, key: str) -> str:
    """The key as some writer of JSON spells it."""
    parts = []
    for character in key:
        escaped = json.dumps(character)[1:-1]
        units = character.encode("utf-16-be").hex()
        ways = [escaped, "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))]
        ways += ["\\/"] if character == "/" else []
        ways += [character] if character.isprintable() and character not in '"\\' else []
        parts.append(draw(st.sampled_from(ways)))
    return "".join(parts)


@settings(deadline=None)
@given(keys, st.data(), st.booleans())
def test_after_masking_no_reader_of_the_body_finds_the_key(key: str, data: st.DataObject, known: bool) -> None:
    route, sent = data.draw(spellings(key)), data.draw(spellings(key))
    body = f'{{"ROUTE_ID":"x{route}","AUTH_KEY":"{sent}","C":["{data.draw(spellings(key))}"]}}'.encode()

    masked = mask(body, key if known else None)

    mark = fingerprint(key)
    assert json.loads(masked) == {"ROUTE_ID": f"x{mark}", "AUTH_KEY": mark, "C": [mark]}
    assert mask(masked, key) == masked
    assert mask(masked, None) == masked


@settings(deadline=None)
@given(st.binary(max_size=60), st.none() | st.text(max_size=12))
def test_any_bytes_can_be_masked(body: bytes, key: str | None) -> None:
    masked = mask(body, key)

    if key is not None and len(key) >= 8:
        assert key.encode("utf-8", "surrogatepass") not in masked


@settings(deadline=None)
@given(st.text("AUTH_KEYauth key\"':=\\[]{}/u0041", max_size=60))
def test_what_looks_like_a_key_everywhere_can_be_masked(text: str) -> None:
    assert isinstance(mask(text.encode(), None), bytes)


@pytest.mark.parametrize("name", [b"AUTH_KEY", b"auth-key", b"X-Auth-Key", b"authkey", b"x_auth_key"])
def test_a_header_named_like_the_key_is_masked_whoever_has_it(name: bytes) -> None:
    headers = [(b"Host", b"localhost"), (name, KEY.encode())]

    assert mask_headers(headers, None) == ((b"Host", b"localhost"), (name, MARK.encode()))


def test_an_authorization_keeps_its_scheme() -> None:
    headers = [(b"Authorization", b"Bearer " + KEY.encode()), (b"authorization", KEY.encode()), (b"Authorization", b"")]

    assert [value.decode() for _, value in mask_headers(headers, None)] == [f"Bearer {MARK}", MARK, ""]


def test_the_key_is_masked_in_every_other_header() -> None:
    headers = mask_headers([(b"X-Token", b"key=" + KEY.encode()), (b"Accept", b"*/*")], KEY)

    assert headers == ((b"X-Token", b"key=" + MARK.encode()), (b"Accept", b"*/*"))


def test_masked_headers_stay_as_they_are() -> None:
    once = mask_headers([(b"auth_key", KEY.encode()), (b"Authorization", b"Bearer " + KEY.encode())], None)

    assert mask_headers(once, KEY) == once


@pytest.mark.parametrize(
    "spelled",
    ["local%2Fonly%2Bkey%2F%2F0123456789%3D%3D", "local\\\\\\/only+key\\\\\\/\\\\\\/0123456789=="],
)
def test_a_key_is_found_in_a_query_and_in_json_inside_json(spelled: str) -> None:
    masked = mask(f'POST /x?AUTH_KEY={spelled}&B=1 {{"C":"{spelled}"}}'.encode(), SLASHED)

    mark = fingerprint(SLASHED)
    assert masked == f'POST /x?AUTH_KEY={mark}&B=1 {{"C":"{mark}"}}'.encode()


def test_known_keys_are_masked_wherever_they_stand_whoever_sent_them() -> None:
    known = KeyRing([KEY, SLASHED, "short"])
    body = json.dumps({"AUTH_KEY": "x", "ROUTE_ID": KEY, "SMS_CONTENT": f"it is {SLASHED}", "B": ["short", "short!"]})

    masked = json.loads(mask(body.replace("/", "\\/").encode(), "x", known))

    assert masked == {
        "AUTH_KEY": fingerprint("x"),
        "ROUTE_ID": MARK,
        "SMS_CONTENT": f"it is {fingerprint(SLASHED)}",
        "B": [fingerprint("short"), "short!"],
    }
    assert hide(KEY.encode() + b" AUTH_KEY: somebodies", known) == MARK.encode() + b" AUTH_KEY: somebodies"


def test_known_keys_are_masked_in_every_header_and_in_its_name() -> None:
    headers = [(b"Cookie", b"session=%b; a=b" % KEY.encode()), (SLASHED.encode(), b"1")]

    assert mask_headers(headers, None, KeyRing([KEY, SLASHED])) == (
        (b"Cookie", b"session=%b; a=b" % MARK.encode()),
        (fingerprint(SLASHED).encode(), b"1"),
    )


@pytest.mark.parametrize("at", [0, 15, 16, 99])
@pytest.mark.parametrize("value", [b"a" + KEY.encode(), b'"short"', KEY.encode().replace(b"/", b"\\/"), b'x"short" :'])
@pytest.mark.parametrize("behind", [b":", b"x", b"\\"])
def test_of_many_headers_each_is_masked_as_if_it_stood_alone(at: int, value: bytes, behind: bytes) -> None:
    known = KeyRing([KEY, "short"])
    headers = [(b"X-%d" % number, b"short") for number in range(100)]
    headers[at : at + 2] = [(b"X-Key", value), (behind, behind)]

    [alone] = mask_headers([headers[at]], None, known)
    assert mask_headers(headers, None, known) == (*headers[:at], alone, *headers[at + 1 :])


def test_of_keys_that_overlap_nothing_is_left() -> None:
    known = KeyRing(["abcdefgh", "efghijkl"])

    masked = hide(b"-abcdefghijkl-", known)

    assert masked == f"-{fingerprint('abcdefgh')}{fingerprint('efghijkl')}-".encode()


def test_a_quotation_that_was_cut_off_in_a_key_shows_nothing_of_it() -> None:
    known = [KeyRing([KEY])]

    assert hide_in_quotation(f'"{KEY[:79]}…', known) == f'"{MARK}…'
    assert hide_in_quotation('"cOUlfIi…', known) == '"cOUlfIi…'
    assert hide_in_quotation(f"{KEY} and more", known) == f"{MARK} and more"


WORST: dict[str, tuple[bytes, bytes]] = {
    "backslashes behind a key of backslashes": (b'{"AUTH_KEY":"' + b"\\" * 204 + b'","X":"', b"\\"),
    "escaped slashes": (b'{"AUTH_KEY":"local/only","X":"', b"a\\/"),
    "escaped letters": (b"", b"\\u0041"),
    "letters and escapes by turns": (b"", b"\\u4f60\\u00e9a"),
    "percents": (b"AUTH_KEY=", b"a%41"),
    "two notations by turns": (b"", b"\\%41"),
    "names": (b"", b"AUTH_KEY"),
    "names that equal": (b"", b"AUTH_KEY="),
    "members": (b"{", b'"AUTH_KEY":"x",'),
    "members with long values": (b"{", b'"AUTH_KEY":"abcdefgh\\/ijk",'),
    "members without an end": (b"{", b'"AUTH_KEY":"'),
    "escaped names": (b"{", b'"\\u0041UTH\\u005fKEY":"x",'),
    "members in a string": (b'{"X":"', b'{\\"AUTH_KEY\\":\\"abcdefghij\\",'),
    "a name and blanks": (b'"AUTH_KEY"', b" "),
    "quotes": (b"", b'"'),
    "the key": (b"", SLASHED.encode()),
    "nearly the key": (b"", SLASHED[:-1].encode()),
    "the beginning of the key": (b"", SLASHED[:8].encode()),
    "the key escaped": (b"", SLASHED.replace("/", "\\/").encode()),
    "no text at all": (b"", b"\xff"),
}


@pytest.mark.parametrize("unit", WORST.values(), ids=WORST)
def test_masking_takes_no_more_than_its_share_for_a_body_sixteen_times_as_large(unit: tuple[bytes, bytes]) -> None:
    known = KeyRing([SLASHED, *(f"tenant-{number:06d}/key" for number in range(1_000))])

    def effort(octets: int) -> float:
        body = unit[0] + unit[1] * (octets // len(unit[1]))
        begun = time.process_time()
        mask(body, None, known)
        return time.process_time() - begun

    small = min(effort(2**16) for _ in range(3))
    assert effort(2**20) < 16 * 4 * small + 0.1


@pytest.mark.parametrize("filler", [b"x", b"\\", b"\\\\n", b'\\"'])
@pytest.mark.parametrize(
    "spelled", [SLASHED, SLASHED.replace("/", "\\/"), "".join(f"\\u{ord(c):04x}" for c in SLASHED)]
)
def test_a_key_is_hidden_wherever_it_stands_in_a_long_text(filler: bytes, spelled: str) -> None:
    known, mark = KeyRing([SLASHED]), fingerprint(SLASHED).encode()
    for start in range(65_536 - len(spelled) - 2, 65_536 + 2, 3):
        # As many backslashes as make the last one no escape of what follows.
        before = (filler * 70_000)[: start - start % 2]
        before = before if before.endswith(b"x") else before[: len(before) // 12 * 12]
        text = b"%b %b %b" % (before, spelled.encode(), b"x" * 70_000)
        assert hide(text, known) == b"%b %b %b" % (before, mark, b"x" * 70_000)


def test_json_of_ours_stays_json_with_its_names_and_without_keys() -> None:
    known = KeyRing([SLASHED, "12345678", "customer_body"])
    shown = {"customer_body": {SLASHED: "customer_body", "a": [12345678, 1, True, None, f"x{SLASHED}"]}}

    hidden = hide_in_json(json.dumps(shown).encode(), known)

    mark, number, weak = fingerprint(SLASHED), fingerprint("12345678"), fingerprint("customer_body")
    names = json.loads(hidden_names := hide_in_json(b'{"customer_body":"customer_body"}', known))
    assert (names, hidden_names.count(b"key-")) == ({"customer_body": weak}, 1)
    assert json.loads(hidden)["customer_body"] == {mark: weak, "a": [number, 1, True, None, f"x{mark}"]}
