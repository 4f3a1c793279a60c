"""The README from the shell: its commands, given to a shell in their order against a server that runs."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, DEFAULT_ROUTES
from cloudsms_simulator.pytest_plugin.server import LocalServer
from cloudsms_simulator.services.ready_file import Ready, write_ready_file

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## From the shell") : README.index("## Scenarios")]
[SCRIPT] = re.findall(r"^```sh\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


@pytest.fixture
def ready_file(tmp_path: Path) -> Iterator[Path]:
    """The ready file of a server whose clock goes, and whose reports are answered."""
    server = LocalServer("optional", "spec")
    server.client.accounts.change("default", callback={"url": server.client.sink.show().url})
    server.client.clock.resume()
    path = tmp_path / "ready.json"
    ready = Ready(
        server.url, server.admin_url, server.ca, *server.client_cert, DEFAULT_AUTH_KEY, DEFAULT_ROUTES[0], os.getpid()
    )
    write_ready_file(path, ready)
    yield path
    server.close()


def test_its_commands_do_what_it_says(ready_file: Path, tmp_path: Path) -> None:
    command = f'cloudsms-simulator() {{ "{sys.executable}" -m cloudsms_simulator "$@"; }}'
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSMS_SIM_")}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", f"{command}\n{SCRIPT}"],
        cwd=tmp_path,
        env={**clean, "CLOUDSMS_SIM_READY_FILE": str(ready_file)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It reached DELIVERED, its final state." in done.stdout
    assert "UNDELIVERABLE" in done.stdout
    assert "wrong" not in {line.split(" ")[0] for line in done.stdout.splitlines()}
    entries = json.loads((tmp_path / "requests.har").read_text(encoding="utf-8"))["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200]
    rows = list(csv.reader((tmp_path / "ledger.csv").read_text(encoding="utf-8").splitlines()))
    assert [row[2] for row in rows] == ["reason", "opening", "debit"]
