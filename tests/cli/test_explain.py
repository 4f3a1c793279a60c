"""`explain` against admin APIs that answer with one explanation."""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli.explain import explain
from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.engine.billing import bill
from cloudsms_simulator.engine.explanation import Charge, Decider, ExpectedReport
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.journal.views import code_item
from cloudsms_simulator.models.explanation import CorrectionItem, DestinationItem, Explanation, FaultItem
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.correction import Change, Uncorrected
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
OK = code_item(ResultCode.OK)
WRONG = code_item(ResultCode.INVALID_PARAMETER)
BY_DEFAULT = Decider("default", "", "no rule has a say")
BY_CHECK = Decider("check", "serial-wrong", "$.SERIAL: got 0, want 1")
FIVE = Money(Decimal("0.05"), "USD")

ACCEPTED = Explanation(
    request_id=3,
    account="default",
    kind="uip",
    at=NOON,
    http_status=200,
    code=OK,
    meaning="Success.",
    summary="1 accepted",
    decided_by=BY_DEFAULT,
    fault=None,
    findings=(),
    text=bill("It’s", None, None, "table", FIVE),
    total=FIVE,
    callback=None,
    destinations=(
        DestinationItem(
            index=0,
            to="85267000011",
            country_code=852,
            msisdn="67000011",
            uid="UID0001",
            code=OK,
            decided_by=BY_DEFAULT,
            rejection=None,
            charge=Charge(1, FIVE, FIVE, None, None, "1 x USD 0.05 = USD 0.05"),
            reports=(
                ExpectedReport(1, "ENROUTE", False, NOON, True, 1, NOON, None, ""),
                ExpectedReport(8, "REJECTED", True, NOON + timedelta(seconds=1), False, 0, None, FIVE, "lost"),
            ),
        ),
    ),
    correction=None,
)
REFUSED = msgspec.structs.replace(
    ACCEPTED,
    request_id=None,
    account=None,
    code=WRONG,
    meaning="Parameter error.",
    summary="refused",
    decided_by=BY_CHECK,
    fault=FaultItem("BROKEN_JSON", "flaky", 0.5, True),
    findings=(Finding("serial-wrong", "error", "$.SERIAL", "0", "1", "SERIAL"),),
    text=bill("x" * 161, None, None, "table", None),
    total=None,
    destinations=(),
    correction=CorrectionItem(
        request=msgspec.Raw(b"{}"),
        curl="curl https://localhost:61815/dave/io",
        changes=(Change(path="$.SERIAL", was="0", to="1", why="an integer"),),
        uncorrected=(Uncorrected("content-missing", "$.SMS_CONTENT", "only its sender knows"),),
        code=WRONG,
        passes=False,
    ),
)


class Api:
    """Answers every request the same, and keeps them."""

    def __init__(self, body: bytes) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                api.asked.append((self.command, self.path, sent))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def api() -> Iterator[Callable[..., Api]]:
    """Starts an API that answers with an explanation."""
    begun: list[Api] = []

    def start(answer: Explanation = ACCEPTED) -> Api:
        begun.append(Api(msgspec.json.encode(answer)))
        return begun[-1]

    yield start
    for each in begun:
        each.server.shutdown()
        each.server.server_close()


def run(*arguments: str, standard_input: bytes | None = None) -> Result:
    return CliRunner().invoke(explain, arguments, input=standard_input)


def test_what_was_accepted_is_told_line_by_line(api: Callable[..., Api]) -> None:
    result = run("3", "--admin-url", api().url)
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "request 3; account default, 2026-11-22 12:00:00+08:00",
            "code        0x01 OK: Success.",
            "            1 accepted",
            "decided by  default",
            "            no rule has a say",
            'text        "It’s"',
            "segments    1, DCS 8 (UCS-2), 4 UTF-16 units",
            'forced by   "’" U+2019 RIGHT SINGLE QUOTATION MARK, character 3 of the text',
            'look-alike  "It\'s"',
            "            DCS 0, segments 1, 0 less, USD 0.00 less",
            "to          85267000011 0x01 OK UID0001",
            "            default: no rule has a say",
            "            1 x USD 0.05 = USD 0.05",
            "            2026-11-22 12:00:00+08:00 ENROUTE (1), reached",
            "            2026-11-22 12:00:01+08:00 REJECTED (8); USD 0.05 comes back; lost",
        ],
    )


def test_what_was_refused_is_told_with_what_would_be_right(api: Callable[..., Api]) -> None:
    result = run("3", "--admin-url", api(REFUSED).url)
    assert (result.exit_code, result.stdout.splitlines()) == (
        ExitCode.FAILED,
        [
            "not sent: what would happen now; nobody's, 2026-11-22 12:00:00+08:00",
            "code        0x10000001 Invalid_parameter: Parameter error.",
            "            refused",
            "decided by  check serial-wrong",
            "            $.SERIAL: got 0, want 1",
            "fault       BROKEN_JSON after 0.5 s, as flaky says",
            "error       serial-wrong at $.SERIAL: got 0, want 1",
            "            see SERIAL",
            f'text        "{"x" * 161}"',
            "segments    2, DCS 0 (GSM 03.38), 161 septets",
            f'            1/2 153 septets: "{"x" * 153}"',
            f'            2/2 8 septets: "{"x" * 8}"',
            "change      $.SERIAL: 0 becomes 1: an integer",
            "left        content-missing at $.SMS_CONTENT: only its sender knows",
            "corrected   does not pass yet: 0x10000001 Invalid_parameter",
            "send it     with the account's key in the variable CLOUDSMS_AUTH_KEY:",
            "curl https://localhost:61815/dave/io",
        ],
    )


def test_a_correction_that_is_answered_ok_but_does_not_succeed_is_said_so(api: Callable[..., Api]) -> None:
    correction = msgspec.structs.replace(REFUSED.correction, code=OK)
    lines = run("--admin-url", api(msgspec.structs.replace(REFUSED, correction=correction)).url).stdout.splitlines()
    assert "corrected   is answered 0x01 OK, but not all of it succeeds: what is left says why" in lines


def test_several_destinations_have_a_total_and_no_answer_has_no_code(api: Callable[..., Api]) -> None:
    both = msgspec.structs.replace(ACCEPTED, code=None, text=None, destinations=ACCEPTED.destinations * 2)
    lines = run("--admin-url", api(both).url).stdout.splitlines()
    assert (lines[1], lines[-1]) == ("code        none", "total       USD 0.05")


def test_json_is_what_the_api_answers(api: Callable[..., Api]) -> None:
    result = run("3", "--json", "--admin-url", api(REFUSED).url)
    assert (result.exit_code, result.stdout_bytes) == (1, msgspec.json.encode(REFUSED) + b"\n")


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        ([], "/api/v1/explain?account=default"),
        (["17"], "/api/v1/explain?account=default&request=17"),
        (["17", "--account", "*"], "/api/v1/explain?account=%2A&request=17"),
    ],
)
def test_a_number_is_a_requests_and_nothing_is_the_newest(
    api: Callable[..., Api], arguments: list[str], target: str
) -> None:
    there = api()
    run(*arguments, "--admin-url", there.url)
    assert there.asked[0] == ("GET", target, b"")


def test_a_file_and_standard_input_are_bodies_byte_for_byte(api: Callable[..., Api], tmp_path: Path) -> None:
    body = "{验".encode("gbk")
    file = tmp_path / "7"
    file.write_bytes(body)
    there = api()
    run(str(file), "--admin-url", there.url)
    run("-", "--admin-url", there.url, standard_input=body)
    asked = {"body_base64": base64.b64encode(body).decode()}
    assert [(method, json.loads(sent)) for method, _target, sent in there.asked] == [("POST", asked)] * 2


def test_a_file_that_is_not_there_is_wrong_usage() -> None:
    result = run("packet.json")
    assert (result.exit_code, '"packet.json" is no number of a request, and no file' in result.stderr) == (2, True)


def test_importing_the_command_loads_no_server() -> None:
    program = (
        "import sys, cloudsms_simulator.cli.explain; "
        "print(sorted({'starlette', 'uvicorn', 'aiohttp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
