"""The Go clients: net/http for both directions. They are built once: `go run` would leave the receiver behind."""

import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "go"


@pytest.fixture(scope="module")
def go_programs(tool, go_settings, tmp_path_factory):
    """A folder with `send` and `receive`, built from the standard library alone and nothing downloaded."""
    folder = tmp_path_factory.mktemp("go")
    for name in ("send", "receive"):
        built = subprocess.run(
            [tool("go", "golang-go"), "build", "-o", folder / name, FOLDER / f"{name}.go"],
            env=os.environ | go_settings | {"GOFLAGS": "-mod=mod"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def receiver(go_programs, start_receiver):
    return start_receiver(go_programs / "receive")


@pytest.fixture(scope="module")
def platform(start_platform, receiver):
    return start_platform("--callback-url", f"https://localhost:{receiver.port()}/")


def test_a_go_client_is_accepted_and_gets_its_report(go_programs, platform, receiver, answered, delivered) -> None:
    # encoding/json spells & as \u0026: another spelling of the same text.
    [answer] = platform.answers(go_programs / "send", "Your code for Smith & Sons is 123345.")
    assert answer == answered((852, "67123411"))

    uid = answer["DETAIL_LIST"][0]["SMS_UID"]
    assert receiver.report(uid) == delivered(uid, "go-1001")
    [attempt] = platform.pushed(uid)["attempts"]
    assert (attempt["status"], attempt["findings"]) == (200, [])
    assert platform.message(uid)["text"] == "[CloudSMS] Your code for Smith & Sons is 123345."
