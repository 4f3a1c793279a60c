"""The slicing tables of the appendix, row by row.

Spec: Appendix, CloudSMS SMPP slicing rules.
"""

import itertools

import pytest

from cloudsms_simulator.protocol.packet import MOST_SEGMENTS
from cloudsms_simulator.protocol.segmentation import Counting, Dcs, Segmentation, parts, segment

HEADING = "CloudSMS SMPP slicing rules"
GSM = "Standard English Characters (GSM DCS0 7bit encoding)"
LATIN_1 = "Latin 1 (ISO-8859-1) (DSC3 8bit encoding)"
UNICODE = "Non-GSM (Unicode) characters (DCS8 16bit encoding)"

CHARACTERS: dict[str, tuple[Dcs, str]] = {GSM: (0, "A"), LATIN_1: (3, "ç"), UNICODE: (8, "验")}

# As printed: first and last character count of the row, segments.
TABLES = {
    GSM: [
        (1, 160, 1),
        (161, 306, 2),
        (307, 459, 3),
        (460, 612, 4),
        (613, 765, 5),
        (766, 918, 6),
        (919, 1071, 7),
        (1072, 1224, 8),
        (1225, 1377, 9),
        (1378, 1530, 10),
    ],
    LATIN_1: [
        (1, 140, 1),
        (141, 268, 2),
        (269, 402, 3),
        (403, 536, 4),
        (537, 670, 5),
        (671, 804, 6),
        (805, 938, 7),
        (938, 1072, 8),
        (1073, 1206, 9),
        (1207, 1340, 10),
    ],
    UNICODE: [
        (1, 70, 1),
        (71, 134, 2),
        (135, 201, 3),
        (202, 268, 4),
        (269, 335, 5),
        (336, 402, 6),
        (403, 469, 7),
        (470, 536, 8),
        (537, 603, 9),
        (604, 670, 10),
    ],
}

# The row before claims 938 too; the arithmetic of the table gives it to that row.
SLIPS = {(LATIN_1, 938, 1072): 939}

BOUNDARIES = [
    pytest.param(
        table,
        length,
        segments,
        id=f"{HEADING}, {table}, {first} - {last} characters: {length} is {segments}",
    )
    for table, rows in TABLES.items()
    for first, last, segments in rows
    for length in (SLIPS.get((table, first, last), first), last)
]


@pytest.mark.parametrize("counting", ["table", "packed"])
@pytest.mark.parametrize(("table", "length", "segments"), BOUNDARIES)
def test_both_ends_of_a_row_take_the_segments_of_the_row(
    table: str, length: int, segments: int, counting: Counting
) -> None:
    dcs, character = CHARACTERS[table]

    assert segment(character * length, counting) == Segmentation(dcs, length, segments)


@pytest.mark.parametrize(("table", "length", "segments"), BOUNDARIES)
def test_a_handset_gets_as_many_parts_as_the_row_says(table: str, length: int, segments: int) -> None:
    _, character = CHARACTERS[table]

    assert len(parts(character * length)) == segments


def test_the_tables_have_thirty_rows_and_two_boundaries_each() -> None:
    assert len(BOUNDARIES) == 60


@pytest.mark.parametrize("table", TABLES)
def test_a_table_leaves_no_length_out_once_its_slip_is_mended(table: str) -> None:
    rows = [(SLIPS.get((table, first, last), first), last) for first, last, _ in TABLES[table]]

    assert [following for following, _ in rows[1:]] == [last + 1 for _, last in rows[:-1]]


def test_938_latin_1_characters_are_seven_segments_although_two_rows_claim_them() -> None:
    assert segment("ç" * 938, "table") == Segmentation(3, 938, 7)


@pytest.mark.parametrize("table", TABLES)
def test_every_length_inside_a_row_takes_the_segments_of_the_row(table: str) -> None:
    dcs, character = CHARACTERS[table]
    whole = character * TABLES[table][-1][1]

    for first, last, segments in TABLES[table]:
        lengths = range(SLIPS.get((table, first, last), first), last + 1)
        assert {segment(whole[:length], "table") for length in lengths} == {
            Segmentation(dcs, length, segments) for length in lengths
        }


@pytest.mark.parametrize("table", TABLES)
def test_one_character_more_than_the_last_row_is_over_the_limit(table: str) -> None:
    _, character = CHARACTERS[table]
    last = TABLES[table][-1][1]

    assert TABLES[table][-1][2] == MOST_SEGMENTS
    assert segment(character * (last + 1), "table").segments == MOST_SEGMENTS + 1


def test_a_cheaper_table_never_gives_more_segments_for_the_same_length() -> None:
    for cheaper, dearer in itertools.pairwise(TABLES.values()):
        assert all(one[1] > other[1] for one, other in zip(cheaper, dearer, strict=True))
