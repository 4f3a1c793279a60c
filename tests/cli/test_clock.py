"""`clock` against admin APIs that answer in every way there is."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.engine.records import Attempt, Report
from cloudsms_simulator.journal.views import report_item
from cloudsms_simulator.models.account import ClockItem
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.services.ready_file import Ready, write_ready_file

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
STANDING = ClockItem(NOON, "frozen", 0.0, True, 0, 0, None)
Answer = tuple[int, bytes]


class Asked(msgspec.Struct, frozen=True):
    """A request as it came."""

    method: str
    target: str
    body: bytes
    content_type: str | None
    authorization: str | None


class Api:
    """Answers every request the same, and keeps them."""

    def __init__(self, status: int, body: bytes) -> None:
        self.asked: list[Asked] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                kind, authorization = self.headers.get("Content-Type"), self.headers.get("Authorization")
                api.asked.append(Asked(self.command, self.path, sent, kind, authorization))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADMIN_URL", "ADMIN_HOST", "ADMIN_PORT", "ADMIN_TOKEN", "READY_FILE"):
        monkeypatch.delenv(f"CLOUDSMS_SIM_{name}", raising=False)


@pytest.fixture
def api() -> Iterator[Callable[..., Api]]:
    """Starts an API that answers with an item, or with a status and a body."""
    begun: list[Api] = []

    def start(answer: ClockItem | bytes = STANDING, status: int = 200) -> Api:
        begun.append(Api(status, answer if isinstance(answer, bytes) else msgspec.json.encode(answer)))
        return begun[-1]

    yield start
    for each in begun:
        each.server.shutdown()
        each.server.server_close()


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["clock", *args])


def fired(*attempts: Attempt, outcome: str = "answered") -> ClockItem:
    report = Report("UID0001", 1, "default", 2, NOON + timedelta(seconds=1), outcome, None, attempts)  # type: ignore[arg-type]
    return msgspec.structs.replace(STANDING, fired_reports=(report_item(report, "key", None),))


@pytest.mark.parametrize("word", [[], ["show"]])
def test_without_a_command_the_clock_is_shown(api, word: list[str]) -> None:
    there = api(msgspec.structs.replace(STANDING, running=1, pending=3, next_due_at=NOON + timedelta(seconds=2)))
    result = run(*word, "--admin-url", there.url)
    assert (result.exit_code, result.output) == (
        0,
        "2026-11-22 12:00:00+08:00  frozen; 1 on the way, 3 pending, next due 2026-11-22 12:00:02+08:00\n",
    )
    assert there.asked == [Asked("GET", "/api/v1/clock?account=default", b"", None, None)]


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (["freeze"], "freeze", None),
        (["resume"], "resume", {"rate": 1.0}),
        (["resume", "3600"], "resume", {"rate": 3600.0}),
        (["advance", "25h"], "advance", {"timeout": 30.0, "by": "25h"}),
        (
            ["advance", "--to", "2026-11-23T12:00:00+08:00", "--timeout", "5"],
            "advance",
            {"timeout": 5.0, "to": "2026-11-23T12:00:00+08:00"},
        ),
        (["run-until-idle", "--timeout", "1.5"], "run-until-idle", {"timeout": 1.5}),
    ],
)
def test_each_command_is_one_request(api, words: list[str], path: str, body: object) -> None:
    there = api()
    result = run(*words, "--admin-url", there.url, "--account", "the shop")
    assert (result.exit_code, result.output) == (0, "2026-11-22 12:00:00+08:00  frozen; 0 pending\n")
    [asked] = there.asked
    assert (asked.method, asked.target) == ("POST", f"/api/v1/clock/{path}?account=the+shop")
    if body is None:
        assert (asked.body, asked.content_type) == (b"", None)
    else:
        assert (json.loads(asked.body), asked.content_type) == (body, "application/json")


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (fired(Attempt(1, NOON, "url", b"", 200)), "DELIVERED      answered    HTTP 200"),
        (
            fired(Attempt(1, NOON, "url", b"", 500), Attempt(2, NOON, "url", b"", 404), outcome="abandoned"),
            "DELIVERED      abandoned   HTTP 404 at attempt 2",
        ),
        (
            fired(Attempt(1, NOON, "url", b"", error="nobody listens"), outcome="failed"),
            "DELIVERED      failed      nobody listens",
        ),
        (fired(outcome="no_callback"), "DELIVERED      no_callback"),
    ],
)
def test_what_fired_has_a_line_each(api, item: ClockItem, line: str) -> None:
    result = run("advance", "1h", "--admin-url", api(item).url)
    assert result.output.splitlines() == [
        f"2026-11-22 12:00:01+08:00  UID0001  {line}",
        "2026-11-22 12:00:00+08:00  frozen; 0 pending",
    ]


@pytest.mark.parametrize(("mode", "rate", "shown"), [("real", 1, "real"), ("scaled", 3600, "3600 times as fast")])
def test_a_clock_that_runs_says_how_fast(api, mode: str, rate: float, shown: str) -> None:
    result = run("--admin-url", api(msgspec.structs.replace(STANDING, mode=mode, rate=rate)).url)
    assert f"  {shown}; " in result.output


def test_json_is_what_the_api_answers(api) -> None:
    item = fired(Attempt(1, NOON, "url", b"", 200))
    assert (
        run("advance", "1h", "--json", "--admin-url", api(item).url).stdout == f"{msgspec.json.encode(item).decode()}\n"
    )


def test_what_is_not_settled_in_time_ends_4(api) -> None:
    item = msgspec.structs.replace(fired(), settled=False)
    result = run("advance", "1h", "--timeout", "2", "--admin-url", api(item).url)
    assert (result.exit_code, len(result.stdout.splitlines())) == (ExitCode.TIMED_OUT, 2)
    assert result.stderr.startswith("Error: not all got done within 2 s; ")
    # A clock that is only shown may well have something due.
    assert run("--admin-url", api(msgspec.structs.replace(STANDING, settled=False)).url).exit_code == 0


@pytest.mark.parametrize(
    ("status", "code"), [(400, ExitCode.USAGE), (404, ExitCode.USAGE), (409, ExitCode.FAILED), (503, ExitCode.FAILED)]
)
def test_what_the_api_refuses_is_told_in_its_words(api, status: int, code: ExitCode) -> None:
    there = api(b'{"title":"x","status":400,"detail":"a clock only goes forward"}', status)
    result = run("advance", "1h", "--admin-url", there.url)
    assert (result.exit_code, result.stderr) == (code, "Error: a clock only goes forward\n")


def test_a_token_is_sent_and_a_missing_one_is_asked_for(api, monkeypatch: pytest.MonkeyPatch) -> None:
    there = api(b'{"title":"unauthorized","status":401,"detail":"send the token"}', 401)
    result = run("--admin-url", there.url)
    assert (result.exit_code, "--admin-token, or set CLOUDSMS_SIM_ADMIN_TOKEN" in result.stderr) == (2, True)
    monkeypatch.setenv("CLOUDSMS_SIM_ADMIN_TOKEN", "secret")
    run("--admin-url", there.url)
    assert [asked.authorization for asked in there.asked] == [None, "Bearer secret"]


def test_what_is_no_admin_api_ends_1(api) -> None:
    result = run("--admin-url", api(b"<html>", 404).url)
    assert (result.exit_code, "HTTP 404; is this an admin port of the simulator?" in result.stderr) == (1, True)


def test_nobody_there_ends_3() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        result = run("--admin-port", str(sock.getsockname()[1]))
    assert result.exit_code == ExitCode.UNREACHABLE
    assert result.stderr.startswith("Error: nobody answers at http://127.0.0.1:")


def test_silence_ends_4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsms_simulator.client.transport.MARGIN", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        result = run("--admin-url", f"http://127.0.0.1:{sock.getsockname()[1]}")
    assert (result.exit_code, "does not answer in time" in result.stderr) == (ExitCode.TIMED_OUT, True)


def test_the_ready_file_says_where_it_is(api, tmp_path: Path) -> None:
    there = api()
    path = tmp_path / "ready.json"
    write_ready_file(path, Ready("https://127.0.0.1:1/dave/io", there.url, "", "", "", "key", "route", 1))
    assert run("--ready-file", str(path)).exit_code == 0
    assert run("--ready-file", str(tmp_path / "none.json")).exit_code == ExitCode.UNREACHABLE


def test_host_and_port_come_from_flags_or_variables(api, monkeypatch: pytest.MonkeyPatch) -> None:
    there = api()
    port = str(there.server.server_port)
    assert run("--admin-port", port).exit_code == 0
    monkeypatch.setenv("CLOUDSMS_SIM_ADMIN_PORT", port)
    monkeypatch.setenv("CLOUDSMS_SIM_ADMIN_HOST", "0.0.0.0")
    assert run().exit_code == 0


@pytest.mark.parametrize(
    "args",
    [
        ["advance"],
        ["advance", "1h", "--to", "2026-11-23T12:00:00+08:00"],
        ["advance", "1h", "--timeout", "-1"],
        ["resume", "fast"],
        ["stop"],
        ["--admin-url", "127.0.0.1:1"],
        ["--admin-url", "http://x:99999"],
    ],
)
def test_wrong_usage_ends_2(args: list[str]) -> None:
    assert run(*args).exit_code == ExitCode.USAGE


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_the_groups_own(word: str) -> None:
    assert "run-until-idle" in run(word).output
