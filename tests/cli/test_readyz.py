"""readyz against servers that answer in every way there is."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main
from cloudsms_simulator.services.ready_file import Ready, write_ready_file

Answers = Callable[[list[int]], str]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADMIN_URL", "ADMIN_HOST", "ADMIN_PORT", "READY_FILE"):
        monkeypatch.delenv(f"CLOUDSMS_SIM_{name}", raising=False)


@pytest.fixture
def bodies() -> list[bytes]:
    """What each answer of the servers of a test says."""
    return [b""]


@pytest.fixture
def answers(bodies: list[bytes]) -> Iterator[Answers]:
    """Starts a server that answers with some statuses in turn, the last one for ever; its URL."""
    servers: list[HTTPServer] = []

    def start(statuses: list[int]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
                self.send_response(status if self.path in ("/readyz", "/tools/sms/readyz") else 404)
                self.end_headers()
                self.wfile.write(bodies[0])

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that takes connections and says nothing; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def closed() -> Iterator[str]:
    """A port that refuses connections, held so that nobody else takes it; its URL."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["readyz", *args])


def test_a_ready_server_ends_0(answers: Answers) -> None:
    url = answers([200])

    result = run("--admin-url", url)

    assert (result.exit_code, result.output) == (0, f"{url} is ready\n")


def test_a_trailing_slash_does_no_harm(answers: Answers) -> None:
    assert run("--admin-url", answers([200]) + "/").exit_code == 0


def test_a_server_that_is_not_ready_ends_1(answers: Answers) -> None:
    result = run("--admin-url", answers([503]))

    assert result.exit_code == 1
    assert "answers that it is not ready" in result.stderr


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (b'{"status": "not ready", "reason": "the disk is full"}', ": the disk is full"),
        (b'{"status": "not ready"}', ""),
        (b"[503]", ""),
        (b"<html>busy</html>", ""),
        (b"\xff", ""),
    ],
)
def test_it_says_why_if_the_server_does(answers: Answers, bodies: list[bytes], body: bytes, more: str) -> None:
    bodies[0] = body
    url = answers([503])

    assert run("--admin-url", url).stderr == f"Error: {url} answers that it is not ready{more}\n"


def test_nobody_there_ends_3(closed: str) -> None:
    result = run("--admin-url", closed)

    assert result.exit_code == 3
    assert result.stderr.startswith(f"Error: nobody answers at {closed}; ")


def test_silence_ends_4(silent: str) -> None:
    assert run("--admin-url", silent, "--timeout", "0.05").exit_code == 4


def test_it_waits_until_the_server_is_ready(answers: Answers) -> None:
    assert run("--admin-url", answers([503, 503, 200]), "--wait", "60").exit_code == 0


@pytest.mark.parametrize("statuses", [[503], None])
def test_a_wait_that_is_over_ends_4(answers: Answers, closed: str, statuses: list[int] | None) -> None:
    url = answers(statuses) if statuses else closed

    result = run("--admin-url", url, "--wait", "0.1")

    assert result.exit_code == 4
    assert result.stderr.startswith("Error: not ready within 0.1 s: ")


def test_what_speaks_no_http_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:

        def speak() -> None:
            connection, _ = sock.accept()
            with connection:
                connection.sendall(b"\x15\x03\x01\x00\x02\x02\x0a")
                connection.recv(1000)

        threading.Thread(target=speak, daemon=True).start()
        assert run("--admin-url", f"http://127.0.0.1:{sock.getsockname()[1]}").exit_code == 3


def test_host_and_port_are_asked_for_with_flags_or_variables(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    port = answers([200]).rsplit(":", 1)[1]

    assert run("--admin-host", "127.0.0.1", "--admin-port", port).exit_code == 0
    monkeypatch.setenv("CLOUDSMS_SIM_ADMIN_PORT", port)
    monkeypatch.setenv("CLOUDSMS_SIM_ADMIN_HOST", "0.0.0.0")
    assert run().exit_code == 0


def ready(path: Path, admin_url: str) -> Path:
    write_ready_file(path, Ready("https://localhost:1/dave/io", admin_url, "ca", "cert", "key", "auth", "route", 1))
    return path


def test_a_ready_file_says_where_the_server_is(answers: Answers, tmp_path: Path) -> None:
    url = answers([200])

    result = run("--ready-file", str(ready(tmp_path / "ready.json", url)))

    assert (result.exit_code, result.output) == (0, f"{url} is ready\n")


def test_a_ready_file_is_waited_for(answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, url = tmp_path / "ready.json", answers([503, 200])
    monkeypatch.setattr("cloudsms_simulator.cli.readyz.time.sleep", lambda _seconds: ready(path, url))

    assert run("--ready-file", str(path), "--wait", "60").output == f"{url} is ready\n"


@pytest.mark.parametrize(("wait", "ends", "told"), [("0", 3, ""), ("0.1", 4, "not ready within 0.1 s: ")])
def test_a_ready_file_that_is_not_there_is_told_of(tmp_path: Path, wait: str, ends: int, told: str) -> None:
    path = tmp_path / "ready.json"

    result = run("--ready-file", str(path), "--wait", wait, "--json")

    assert (result.exit_code, json.loads(result.stdout)) == (ends, {"url": None, "ready": False})
    assert result.stderr == f"Error: {told}there is no {path}; is the server running, with --ready-file?\n"


def test_what_is_no_ready_file_ends_2(tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text("{}")

    assert run("--ready-file", str(tmp_path / "ready.json"), "--wait", "60").exit_code == 2
    assert run("--ready-file", str(tmp_path)).exit_code == 2


def test_the_outcome_is_printed_as_json(answers: Answers, closed: str) -> None:
    url = answers([200])

    assert json.loads(run("--admin-url", url, "--json").stdout) == {"url": url, "ready": True}
    assert json.loads(run("--admin-url", closed, "--json").stdout) == {"url": closed, "ready": False}


@pytest.mark.parametrize("url", ["127.0.0.1:1", "https://127.0.0.1:1", "http://", "http://x:99999", "http://[::1"])
def test_what_is_no_admin_url_ends_2(url: str) -> None:
    result = run("--admin-url", url)

    assert result.exit_code == 2
    assert f'got "{url}", want an address such as http://127.0.0.1:61816' in result.stderr


def test_a_server_below_a_base_path_is_asked_there(answers: Answers) -> None:
    url = f"{answers([200])}/tools/sms"
    result = run("--admin-url", f"{url}/")
    assert (result.exit_code, result.stdout) == (0, f"{url} is ready\n")
    assert run("--admin-url", url.removesuffix("/sms")).exit_code == 1
