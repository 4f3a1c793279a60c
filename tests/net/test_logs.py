"""Log lines, for people and for programs."""

import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest

from cloudsms_simulator.net.runtime import JsonLines, TextLines, write_logs


@pytest.fixture
def loggers_as_before() -> Iterator[None]:
    """`write_logs` sets up the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("cloudsms_simulator")
    handlers, level, our_level = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(our_level)


def record(message: str = "refused %d", **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("cloudsms_simulator.journal", logging.INFO, "", 0, message, (7,), None)
    vars(made).update(facts)
    return made


def test_a_line_for_people_begins_with_hong_kong_time() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO    refused 7", TextLines().format(record()))


def test_a_line_for_programs_is_one_json_object() -> None:
    line = JsonLines().format(record(request_id=7, account=None, peer="127.0.0.1:50000", rules=["body-cut"], other=1))
    assert "\n" not in line
    told = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*\+08:00", told.pop("time"))
    assert told == {
        "level": "INFO",
        "logger": "cloudsms_simulator.journal",
        "message": "refused 7",
        "request_id": 7,
        "account": None,
        "peer": "127.0.0.1:50000",
        "rules": ["body-cut"],
    }


def test_a_traceback_is_inside_the_object() -> None:
    made = record()
    try:
        raise RuntimeError("a slip")
    except RuntimeError:
        made.exc_info = sys.exc_info()
    line = JsonLines().format(made)
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("RuntimeError: a slip")


HOSTILE = [
    *map(chr, set(range(0x20)) - {0x0A}),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200e\u200f\u2028\u2029",
    "\ud800",
    "\udfff",
]
HOSTILE += [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))]
HARMLESS = "caf\xe9 云\u3000a\xa0b 👩\u200d💻 שלום"


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=["text", "json"])
@pytest.mark.parametrize("character", HOSTILE, ids=ascii)
def test_no_control_character_reaches_a_line(formatter: logging.Formatter, character: str) -> None:
    made = record(f"/a{character}b %d", account=f"a{character}b")
    try:
        raise RuntimeError(f"a{character}b")
    except RuntimeError:
        made.exc_info = sys.exc_info()

    written = formatter.format(made)

    assert character not in written
    written.encode()


def test_what_is_text_stays_in_a_line() -> None:
    assert TextLines().format(record(f"{HARMLESS} %d")).endswith(f"INFO    {HARMLESS} 7")
    assert json.loads(JsonLines().format(record(f"{HARMLESS} %d")))["message"] == f"{HARMLESS} 7"


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=["text", "json"])
def test_nobody_forges_a_line(formatter: logging.Formatter) -> None:
    forged = "2026-11-30 23:59:59 ERROR   FORGED"
    made = record(f"/a\n{forged} %d")
    try:
        raise RuntimeError(f"a\n{forged}")
    except RuntimeError:
        made.exc_info = sys.exc_info()

    lines = formatter.format(made).splitlines()

    assert forged in lines[0]
    assert not any(line.startswith(forged[:4]) for line in lines[1:])


@pytest.mark.parametrize("style", ["text", "json"])
def test_our_lines_and_others_warnings_go_to_standard_error(
    loggers_as_before: None, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    write_logs(style)  # type: ignore[arg-type]
    logging.getLogger("cloudsms_simulator.journal").info("ours")
    logging.getLogger("cloudsms_simulator.journal").debug("too much")
    logging.getLogger("somebody").info("theirs")
    logging.getLogger("somebody").warning("their warning")
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 2
    assert ["ours" in lines[0], "their warning" in lines[1]] == [True, True]
