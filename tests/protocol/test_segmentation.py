"""Segments: billed counts, a handset's parts, and the character to blame."""

import itertools
import math
import sys

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.segmentation import (
    CODINGS,
    GSM_CHARACTERS,
    Counting,
    Saving,
    Segmentation,
    coding_of,
    forcing_character,
    length_in,
    parts,
    saving,
    segment,
    utf16_units,
)

EMOJI = "😀"

characters = st.one_of(
    st.sampled_from(sorted(GSM_CHARACTERS)),
    st.sampled_from("[]{}€çÿ’“【验" + EMOJI),
    st.characters(codec="utf-8"),
)
repeated = st.builds(lambda text, times: text * times, st.text(characters, max_size=12), st.integers(1, 120))
texts = st.one_of(
    st.text(characters, max_size=400),
    repeated,
    st.text(st.sampled_from("a[€"), max_size=700),
    st.text(st.sampled_from("aç"), max_size=700),
    st.text(st.sampled_from("验" + EMOJI), max_size=400),
)
countings = st.sampled_from(["table", "packed"])


def by_the_book(text: str) -> Segmentation:
    """Section by section as the document says it, one character at a time."""
    if all(character in GSM_CHARACTERS for character in text):
        dcs, length, single, following = 0, sum(2 if one in "\f^{}\\[~]|€" else 1 for one in text), 160, 153
    elif all(ord(character) <= 0xFF for character in text):
        dcs, length, single, following = 3, len(text), 140, 134
    else:
        dcs, length, single, following = 8, sum(2 if ord(one) > 0xFFFF else 1 for one in text), 70, 67
    return Segmentation(
        dcs,  # type: ignore[arg-type]
        length,
        min(length, 1) if length <= single else math.ceil(length / following),
    )


def packed_by_hand(text: str) -> int:
    """Segments where no pair is split: filled one character after the other, as a handset needs them."""
    book = by_the_book(text)
    if book.segments <= 1:
        return book.segments
    room = {0: 153, 3: 134, 8: 67}[book.dcs]
    filled = 0
    for one in text:
        is_pair = one in "\f^{}\\[~]|€" if book.dcs == 0 else ord(one) > 0xFFFF
        if is_pair and filled % room == room - 1:
            filled += 1
        filled += 2 if is_pair else 1
    return math.ceil(filled / room)


@given(texts)
@example("a" * 159 + "[")
@example("é" * 159 + "[")
@example("\t")
@example("\x1b")
@example("ç€")
def test_the_table_count_is_what_the_document_says(text: str) -> None:
    assert segment(text, "table") == by_the_book(text)


@given(texts)
def test_parts_join_back_to_the_text_and_each_fits(text: str) -> None:
    pieces = parts(text)
    dcs, length = segment(text, "table").dcs, segment(text, "table").length
    coding = coding_of(dcs)

    assert "".join(pieces) == text
    assert all(pieces)
    assert sum(length_in(piece, dcs) for piece in pieces) == length
    limit = coding.single if len(pieces) == 1 else coding.following
    assert all(length_in(piece, dcs) <= limit for piece in pieces)


@given(texts)
def test_a_part_is_only_short_when_the_next_character_is_a_pair(text: str) -> None:
    dcs = segment(text, "table").dcs
    pieces = parts(text)

    for piece, following in itertools.pairwise(pieces):
        assert length_in(piece + following[0], dcs) > coding_of(dcs).following


@given(texts)
def test_the_packed_count_is_the_number_of_parts_and_never_below_the_table(text: str) -> None:
    table, packed = segment(text, "table"), segment(text, "packed")

    assert packed.segments == len(parts(text)) == packed_by_hand(text) >= table.segments
    assert (packed.dcs, packed.length) == (table.dcs, table.length)


@given(texts.filter(lambda text: text and segment(text, "table").dcs != 3 and "\x1b" not in text))
def test_smsutil_cuts_in_the_same_places(text: str) -> None:
    assert tuple(part.content for part in smsutil.split(text).parts) == parts(text)


@given(texts)
def test_the_forcing_character_is_outside_gsm(text: str) -> None:
    forcing = forcing_character(text)

    if forcing is None:
        assert segment(text, "table").dcs == 0
    else:
        index, character = forcing
        assert segment(text, "table").dcs != 0
        assert text[index] == character
        assert character not in GSM_CHARACTERS


@given(texts, countings)
def test_a_saving_has_a_cheaper_scheme_and_never_costs_more(text: str, counting: Counting) -> None:
    found = saving(text, counting)

    if found is not None:
        before = segment(text, counting)
        assert found.segmentation == segment(found.text, counting)
        assert found.segmentation.dcs < before.dcs or (found.composed and found.saved > 0)
        assert found.segmentation.dcs <= before.dcs
        assert found.saved == before.segments - found.segmentation.segments >= 0


@given(st.text(st.characters(min_codepoint=0xD700, max_codepoint=0xE0FF, categories=None), max_size=200))
def test_lone_surrogates_break_nothing(text: str) -> None:
    assert segment(text, "packed").segments == len(parts(text))
    assert forcing_character(text) == ((0, text[0]) if text else None)


def test_the_codings_are_numbered_as_on_the_air() -> None:
    assert [(coding.dcs, coding.alphabet, coding.unit) for coding in CODINGS] == [
        (0, "GSM 03.38", "septets"),
        (3, "ISO-8859-1", "octets"),
        (8, "UCS-2", "UTF-16 units"),
    ]


@pytest.mark.parametrize("counting", ["table", "packed"])
def test_an_empty_text_has_no_segments(counting: Counting) -> None:
    assert segment("", counting) == Segmentation(0, 0, 0)
    assert parts("") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", Segmentation(0, 5, 1)),
        ("{a}", Segmentation(0, 5, 1)),
        ("€", Segmentation(0, 2, 1)),
        ("Élan", Segmentation(0, 4, 1)),
        ("ÉLAN façade", Segmentation(3, 11, 1)),
        ("tab\t", Segmentation(3, 4, 1)),
        ("a`", Segmentation(3, 2, 1)),
        ("\x1b", Segmentation(3, 1, 1)),
        ("\x7f\x80\xff", Segmentation(3, 3, 1)),
        ("ç€", Segmentation(8, 2, 1)),
        ("çΩ", Segmentation(8, 2, 1)),
        ("It’s", Segmentation(8, 4, 1)),
        ("验证码", Segmentation(8, 3, 1)),
        (EMOJI, Segmentation(8, 2, 1)),
    ],
)
def test_a_text_is_encoded_in_the_first_alphabet_that_has_all_of_it(text: str, expected: Segmentation) -> None:
    assert segment(text, "table") == expected


@pytest.mark.parametrize(
    ("text", "table", "packed"),
    [
        pytest.param("[" * 153, 2, 3, id="77 escape pairs do not fit into 153 septets twice"),
        pytest.param("a" * 152 + "[" + "a" * 152, 2, 3, id="one pair on the cut pushes one septet over"),
        pytest.param("a" * 151 + "[" + "a" * 153, 2, 2, id="a pair just before the cut costs nothing"),
        pytest.param(EMOJI * 67, 2, 3, id="33 emoji a segment"),
        pytest.param("验" * 66 + EMOJI + "验" * 66, 2, 3, id="one emoji on the cut pushes one unit over"),
        pytest.param(EMOJI * 35, 1, 1, id="a single segment has no cut"),
    ],
)
def test_the_two_counts_differ_where_a_pair_would_be_split(text: str, table: int, packed: int) -> None:
    assert segment(text, "table").segments == table
    assert segment(text, "packed").segments == packed == len(parts(text))


def test_a_pair_on_the_cut_moves_to_the_next_part() -> None:
    assert parts("a" * 152 + "[b]") == ("a" * 152 + "[b]",)
    assert parts("a" * 152 + "[" + "b" * 10) == ("a" * 152, "[" + "b" * 10)
    assert parts("验" * 66 + EMOJI + "验" * 9) == ("验" * 66, EMOJI + "验" * 9)
    assert parts("ç" * 141) == ("ç" * 134, "ç" * 7)


@pytest.mark.parametrize("character", ["A", "[", "é", "ç", "验", EMOJI])
def test_the_largest_text_a_request_can_hold_is_counted(character: str) -> None:
    text = character * (2**20 // len(character.encode()))
    table, packed = segment(text, "table"), segment(text, "packed")

    assert table == by_the_book(text)
    assert packed.segments == len(parts(text)) == packed_by_hand(text) >= table.segments > 10


def test_utf16_units_are_two_beyond_the_first_plane() -> None:
    assert utf16_units("a验") == 2
    assert utf16_units("\uffff\U00010000") == 3
    assert utf16_units(chr(sys.maxunicode)) == 2


@pytest.mark.parametrize(
    ("text", "forcing"),
    [
        ("Hello {world} €", None),
        ("It’s “mine”", (2, "’")),
        ("【CloudSMS】Code", (0, "【")),
        ("a façade", (4, "ç")),
        ("a façade – mine", (9, "–")),
        ("€ ç", (2, "ç")),
    ],
)
def test_the_character_to_blame_is_the_one_behind_the_scheme(text: str, forcing: tuple[int, str] | None) -> None:
    assert forcing_character(text) == forcing


def test_one_curly_quote_costs_a_segment() -> None:
    text = "It’s here: " + "x" * 100
    found = saving(text, "table")

    assert segment(text, "table") == Segmentation(8, 111, 2)
    assert found is not None
    assert found.text == "It's here: " + "x" * 100
    assert found.segmentation == Segmentation(0, 111, 1)
    assert found.saved == 1


def test_a_cheaper_scheme_short_of_gsm_is_a_saving_too() -> None:
    found = saving("façade – " + "x" * 100, "table")

    assert found is not None
    assert found.segmentation == Segmentation(3, 109, 1)
    assert found.saved == 1


def test_a_short_text_saves_no_segment_but_is_rewritten_all_the_same() -> None:
    found = saving("It’s", "table")

    assert found is not None
    assert found.saved == 0


def test_composing_accents_saves_what_it_would_without_any_look_alike() -> None:
    found = saving("Cafe\u0301 " + "x" * 80, "table")

    assert found == Saving("Café " + "x" * 80, Segmentation(0, 85, 1), 1, composed=True)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        pytest.param("\u1112\u1161\u11ab" * 30, "한" * 30, id="Korean as a Mac spells file names"),
        pytest.param("Vie\u0323\u0302t " * 12, "Việt " * 12, id="Vietnamese"),
    ],
)
def test_composing_saves_segments_in_ucs2_too(text: str, rewritten: str) -> None:
    found = saving(text, "table")

    assert found is not None
    assert (found.text, found.composed) == (rewritten, True)
    assert found.segmentation.dcs == 8
    assert found.saved == 1


def test_look_alikes_are_told_where_they_save_more_than_composing() -> None:
    found = saving("Cafe\u0301 “Nord” " + "x" * 80, "table")

    assert found is not None
    assert (found.text, found.composed, found.segmentation.dcs) == ('Café "Nord" ' + "x" * 80, False, 0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("It's here", id="already GSM"),
        pytest.param("验证码“1234”", id="still Chinese"),
        pytest.param("façade", id="no look-alike"),
        pytest.param("…" * 70, id="three points each take more"),
        pytest.param("\u200b", id="nothing left"),
        pytest.param("", id="nothing at all"),
    ],
)
def test_there_is_no_saving_to_tell(text: str) -> None:
    assert saving(text, "table") is None
