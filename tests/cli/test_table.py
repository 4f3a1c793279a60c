"""Tables: what is cut and what is left out on a terminal, and that nothing is where nobody looks."""

from datetime import datetime, timedelta

import msgspec
import pytest

from cloudsms_simulator.cli.output import Column, Table, columns_of
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


class Thing(msgspec.Struct, frozen=True):
    name: str
    amount: int
    text: str
    at: datetime = NOON


TABLE = Table[Thing](
    lambda thing: thing.at,
    (
        Column("NAME", lambda thing: thing.name, least=6),
        Column("AMOUNT", lambda thing: str(thing.amount), spare=True, right=True),
        Column("TEXT", lambda thing: thing.text),
    ),
)
THINGS = (Thing("a", 5, "one two three four five"), Thing("long-name", 12345678, "你好" * 20))


def test_where_nobody_looks_everything_is_there() -> None:
    assert list(TABLE.lines(THINGS, None)) == [
        "TIME                 NAME         AMOUNT  TEXT",
        "2026-11-22 12:00:00  a                 5  one two three four five",
        f"2026-11-22 12:00:00  long-name  12345678  {'你好' * 20}",
    ]


def test_on_a_narrow_terminal_the_last_column_is_cut_and_spare_ones_are_left_out() -> None:
    assert list(TABLE.lines(THINGS, 40)) == [
        "TIME      NAME       TEXT",
        "12:00:00  a          one two three four…",
        "12:00:00  long-name  你好你好你好你好你…",
    ]


def test_on_a_wide_terminal_spare_columns_are_shown() -> None:
    heading, *_ = TABLE.lines(THINGS, 71)
    assert "AMOUNT" in heading
    heading, *_ = TABLE.lines(THINGS, 70)
    assert "AMOUNT" not in heading
    # What is not cut needs no more room.
    assert list(TABLE.lines(THINGS[:1], 47)) == [
        "TIME      NAME  AMOUNT  TEXT",
        "12:00:00  a          5  one two three four five",
    ]
    heading, *_ = TABLE.lines(THINGS[:1], 46)
    assert "AMOUNT" not in heading


@pytest.mark.parametrize("width", [30, 40, 60, 61, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert all(columns_of(line) <= width for line in TABLE.lines(THINGS, width))


def test_moments_of_several_days_have_their_day() -> None:
    things = (*THINGS, Thing("b", 1, "", NOON + timedelta(days=1)))
    assert [line[:14] for line in TABLE.lines(things, 80)][1:] == ["11-22 12:00:00", "11-22 12:00:00", "11-23 12:00:00"]


def test_rows_that_come_one_by_one_stand_below_one_another() -> None:
    assert [TABLE.row(thing, 40) for thing in (Thing("a", 1, "x"), Thing("bcd", 22222, "y"))] == [
        "12:00:00  a       x",
        "12:00:00  bcd     y",
    ]


def test_of_nothing_there_is_no_line() -> None:
    assert list(TABLE.lines((), 80)) == []
