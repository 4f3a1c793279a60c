"""`cloudsms-simulator segments`."""

import json
import subprocess
import sys

import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli.segments import segments


def run(*arguments: str, standard_input: str | bytes | None = None) -> Result:
    return CliRunner().invoke(segments, arguments, input=standard_input, catch_exceptions=False)


def test_a_plain_text_is_one_segment() -> None:
    result = run("Hello {:-)}", "--price", "0.0475", "--currency", "hkd")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "DCS         0, GSM 03.38",
        "length      13 septets",
        "segments    1",
        "bytes       11 by the document's byte rule",
        "cost        HKD 0.0475 = 1 x HKD 0.0475",
        'part 1/1    13 septets: "Hello {:-)}"',
    ]
    assert result.stderr == ""


def test_a_curly_quote_is_blamed_and_what_it_costs_is_told() -> None:
    result = run("It’s\n" + "x" * 100, "--price", "0.05")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "DCS         8, UCS-2",
        "length      105 UTF-16 units",
        "segments    2",
        "bytes       210 by the document's byte rule",
        "cost        USD 0.10 = 2 x USD 0.05",
        'forced by   "’" U+2019 RIGHT SINGLE QUOTATION MARK, character 3 of the text',
        f'look-alike  "It\'s\\n{"x" * 100}"',
        "            DCS 0, segments 1, 1 less, USD 0.05 less",
        f'part 1/2    67 UTF-16 units: "It’s\\n{"x" * 62}"',
        f'part 2/2    38 UTF-16 units: "{"x" * 38}"',
    ]


def test_the_signature_is_counted() -> None:
    result = run("Your code is 1234", "--signature", "CloudSMS", "--signature-type", "3", "--json")

    assert json.loads(result.stdout)["text"] == "[CloudSMS] Your code is 1234"


def test_json_is_one_object() -> None:
    result = run("【CloudSMS】hi", "--price", "0.05", "--json")

    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout) == {
        "text": "【CloudSMS】hi",
        "dcs": 8,
        "alphabet": "UCS-2",
        "length": 12,
        "unit": "UTF-16 units",
        "segments": 1,
        "counting": "table",
        "table_segments": 1,
        "packed_segments": 1,
        "bytes": 24,
        "price": {"amount": "0.05", "currency": "USD"},
        "cost": {"amount": "0.05", "currency": "USD"},
        "sendable": True,
        "forced_by": {
            "index": 0,
            "character": "【",
            "code_point": "U+3010",
            "name": "LEFT BLACK LENTICULAR BRACKET",
        },
        "forcing": [
            {
                "index": index,
                "character": character,
                "code_point": f"U+{ord(character):04X}",
                "name": f"{side} BLACK LENTICULAR BRACKET",
                "times": 1,
                "dcs": 8,
                "look_alike": instead,
                "composed": None,
            }
            for index, character, side, instead in ((0, "【", "LEFT", "["), (9, "】", "RIGHT", "]"))
        ],
        "signature": None,
        "rewritten": {
            "text": "[CloudSMS]hi",
            "dcs": 0,
            "segments": 1,
            "saved_segments": 0,
            "saved": {"amount": "0.00", "currency": "USD"},
            "composed": False,
        },
        "parts": [{"text": "【CloudSMS】hi", "length": 12, "room": 70}],
        "warnings": [],
    }


def test_a_text_over_ten_segments_is_shown_and_refused() -> None:
    result = run("A" * 1531)

    assert result.exit_code == 1
    assert "segments    11" in result.stdout
    assert "part 11/11  1 septets" in result.stdout
    assert result.stderr.splitlines() == [
        "warning: 11 segments, at most 10 are allowed: the platform answers 0x10000003 Invalid_context",
        "warning: 1531 bytes by the document's byte rule, which allows 1530; here the segments decide",
    ]


def test_ten_segments_over_the_documents_bytes_are_taken_with_a_warning() -> None:
    result = run("ç" * 1340)

    assert result.exit_code == 0
    assert result.stderr == (
        "warning: 2680 bytes by the document's byte rule, which allows 1530; here the segments decide\n"
    )


@pytest.mark.parametrize(("counting", "billed"), [("table", 2), ("packed", 3)])
def test_the_two_counts_are_told_apart(counting: str, billed: int) -> None:
    result = run("[" * 153, "--counting", counting, "--json")
    found = json.loads(result.stdout)

    assert (found["segments"], found["table_segments"], found["packed_segments"]) == (billed, 2, 3)
    assert len(found["parts"]) == 3
    assert found["warnings"] == [
        "2 segments by length, but 3 on a handset, which never splits a pair across two segments"
    ]


def test_packed_counting_can_refuse_what_the_tables_take() -> None:
    text = "😀" * 335

    assert run(text).exit_code == 0
    assert run(text, "--counting", "packed").exit_code == 1


def test_an_empty_text_is_refused() -> None:
    result = run("", "--signature", "CloudSMS", "--signature-type", "1")

    assert result.exit_code == 1
    assert result.stderr == "warning: the text is empty: the platform answers 0x10000003 Invalid_context\n"


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (
            ["[X] hi", "--signature", "X", "--signature-type", "3"],
            "SIGNATURE_TYPE 3 adds the brackets, and [X] is typed already: both will be seen",
        ),
        (["hi", "--signature", "X"], "a signature without a signature type changes nothing"),
        (["hi", "--signature-type", "1"], "a signature type without a signature changes nothing"),
        (["Code ${code}"], "${code} was not filled in"),
    ],
)
def test_a_slip_in_the_text_is_a_warning(arguments: list[str], warning: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 0
    assert result.stderr == f"warning: {warning}\n"


@pytest.mark.parametrize("arguments", [["-"], []])
@pytest.mark.parametrize("line_end", ["", "\n", "\r\n"])
def test_standard_input_is_read_without_its_line_end(arguments: list[str], line_end: str) -> None:
    result = run(*arguments, "--json", standard_input=f"验证码\n1234{line_end}".encode())

    assert json.loads(result.stdout)["text"] == "验证码\n1234"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["hi", "--price", "1,5"], "'1,5' is not a price; write it as 0.05"),
        (["hi", "--price", "NaN"], "'NaN' is not a price; write it as 0.05"),
        (["hi", "--price", "-1"], "'-1' is not a price; write it as 0.05"),
        (["hi", "--price", "1e9"], "'1e9' is not a price; write it as 0.05"),
        (
            ["hi", "--price", "1", "--currency", "CHF"],
            "'CHF' is not one of CNY, HKD, TWD, EUR, USD, GBP, AUD, KRW, JPY",
        ),
        (["hi", "--signature-type", "6"], "6 is not in the range 1<=x<=5"),
        (["a\udcff"], "character 2 is not UTF-8"),
    ],
)
def test_wrong_usage_says_what_would_be_right(arguments: list[str], complaint: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert complaint in result.stderr
    assert result.stdout == ""


def test_input_that_is_not_utf_8_is_wrong_usage() -> None:
    result = run("-", standard_input="验证码".encode("gbk"))

    assert result.exit_code == 2
    assert "byte 1 is not UTF-8" in result.stderr


def test_a_terminal_without_a_text_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("cloudsms_simulator.cli.segments.sys.stdin", Terminal())
    with pytest.raises(Exception, match="no text: give TEXT"):
        segments.main([], standalone_mode=False)


def test_importing_the_command_costs_nothing_but_click() -> None:
    program = "import sys, cloudsms_simulator.cli.segments; print('msgspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
