"""The documents for the shell: their commands, given to a shell in their order against a server that runs."""

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from documents import README, page, section, snippets
from patience import DEADLINE

from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, DEFAULT_ROUTES
from cloudsms_simulator.pytest_plugin.server import LocalServer
from cloudsms_simulator.services.ready_file import Ready, write_ready_file

[SESSION] = snippets(page("command-line"), "sh")
[FIRST_MESSAGE] = snippets(section(README, "The first message"), "sh")
[ANY_LANGUAGE] = snippets(section(README, "CI and tests in any language"), "sh")
[CALLS] = snippets(page("admin-api"), "sh")
ADMIN = "http://127.0.0.1:61816"

needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None, reason="curl is missing; Debian has it in the package curl"
)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server whose clock goes, and whose reports are answered."""
    server = LocalServer("optional", "spec")
    server.client.accounts.change("default", callback={"url": server.client.sink.show().url})
    server.client.clock.resume()
    yield server
    server.close()


@pytest.fixture
def ready_file(server: LocalServer, tmp_path: Path) -> Path:
    """Its ready file."""
    path = tmp_path / "ready.json"
    ready = Ready(
        server.url, server.admin_url, server.ca, *server.client_cert, DEFAULT_AUTH_KEY, DEFAULT_ROUTES[0], os.getpid()
    )
    write_ready_file(path, ready)
    return path


def run(script: str, folder: Path, variables: Mapping[str, str]) -> str:
    """Runs a script in bash, which ends at the first command that fails; returns what it printed."""
    program = folder / "bin" / "cloudsms-simulator"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cloudsms_simulator "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CLOUDSMS_SIM_") and not name.lower().endswith("_proxy")
    }
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={**clean, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def test_the_session_s_commands_do_what_they_say(ready_file: Path, tmp_path: Path) -> None:
    printed = run(SESSION, tmp_path, {"CLOUDSMS_SIM_READY_FILE": str(ready_file)})
    assert "It reached DELIVERED, its final state." in printed
    assert "UNDELIVERABLE" in printed
    assert "wrong" not in {line.split(" ")[0] for line in printed.splitlines()}
    entries = json.loads((tmp_path / "requests.har").read_text(encoding="utf-8"))["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200]
    rows = list(csv.reader((tmp_path / "ledger.csv").read_text(encoding="utf-8").splitlines()))
    assert [row[2] for row in rows] == ["reason", "opening", "debit"]


def test_the_first_message_of_the_readme_is_sent_and_its_report_arrives(tmp_path: Path) -> None:
    installed, *script = FIRST_MESSAGE.splitlines()
    assert installed.startswith("pip install cloudsms-simulator ")
    port, admin_port = free_port(), free_port()
    variables = {
        "CLOUDSMS_SIM_PORT": port,
        "CLOUDSMS_SIM_URL": f"https://localhost:{port}/dave/io",
        "CLOUDSMS_SIM_ADMIN_PORT": admin_port,
        "CLOUDSMS_SIM_ADMIN_URL": f"http://127.0.0.1:{admin_port}",
    }
    script = [
        "trap 'kill $(jobs -p); wait || true' EXIT",
        *script,
        "cloudsms-simulator reports wait outcome:answered --timeout 60",
    ]
    printed = run("\n".join(script).replace("59999", free_port()), tmp_path, variables)
    assert "0x01 OK" in printed
    assert "DELIVERED" in printed


@needs_curl
def test_the_calls_of_the_readme_do_what_it_says(server: LocalServer, tmp_path: Path) -> None:
    assert ADMIN in ANY_LANGUAGE
    printed = run(ANY_LANGUAGE.replace(ADMIN, server.admin_url), tmp_path, {})
    codes = re.findall(r'"code": ?\{[^}]*"name": ?"([^"]+)"', printed)
    assert codes[:2] == ["Busy", "OK"]
    assert [account.name for account in server.client.accounts.all()] == ["default"]


@needs_curl
def test_the_calls_of_the_page_about_the_admin_api_are_answered(server: LocalServer, tmp_path: Path) -> None:
    assert CALLS.count(ADMIN) == CALLS.count("curl -s ") == 3
    run(CALLS.replace(ADMIN, server.admin_url).replace("curl -s ", "curl -sS --fail "), tmp_path, {})
    assert [account.name for account in server.client.accounts.all()] == ["default", "shop"]
    assert server.client.clock.show().mode == "frozen"
