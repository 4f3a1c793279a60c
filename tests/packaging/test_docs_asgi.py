"""The document about the ASGI application: its snippets, run as they are printed."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from patience import DEADLINE

DOCUMENT = (Path(__file__).parents[2] / "simulator" / "docs" / "asgi.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
[SERVE, LOOK] = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
PRINTED = {
    "fastapi": "",
    "starlette": "",
    "httpx2": "Invalid_parameter\ntype-missing\n",
    "httpx": "Invalid_parameter\n",
}
TESTS = PROGRAMS[-1]
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSMS_")}


@pytest.mark.parametrize(("program", "printed"), [*zip(PROGRAMS[:-1], PRINTED.values(), strict=True)], ids=PRINTED)
def test_its_programs_do_what_they_say(program: str, printed: str) -> None:
    command = [sys.executable, "-W", "error", "-c", program]
    run = subprocess.run(command, env=ENVIRON, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert (run.returncode, run.stdout) == (0, printed), run.stderr


def test_its_tests_pass(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-p",
        "no:schemathesis",
    ]
    run = subprocess.run(
        command, cwd=tmp_path, env=ENVIRON, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (run.returncode, "4 passed" in run.stdout) == (0, True), run.stdout


def test_its_commands_serve_and_show_it(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    scripts = Path(sys.executable).parent
    environ = ENVIRON | {"PATH": f"{scripts}{os.pathsep}{ENVIRON['PATH']}"}
    with (tmp_path / "log").open("wb") as log:
        command = [
            "bash",
            "-c",
            f"export {SERVE.split()[0]}; exec {shlex.join(SERVE.split()[1:])}".replace("8000", port),
        ]
        server = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        until = time.monotonic() + DEADLINE
        while not answers(f"http://127.0.0.1:{port}/livez"):
            assert time.monotonic() < until
            assert server.poll() is None, (tmp_path / "log").read_text()
        shown = subprocess.run(
            ["bash", "-ec", LOOK.replace("8000", port)], capture_output=True, text=True, timeout=DEADLINE, check=True
        ).stdout
        assert '"RESULT_DESC":"Invalid_parameter"' in shown
        assert '"total":1' in shown
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(DEADLINE)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
