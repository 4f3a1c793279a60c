"""The Ruby clients: net/http for sending, a TLS socket for receiving."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "ruby"


@pytest.fixture(scope="module")
def ruby(tool):
    return tool("ruby", "ruby")


@pytest.fixture(scope="module")
def receiver(ruby, start_receiver):
    return start_receiver(ruby, FOLDER / "receive.rb")


@pytest.fixture(scope="module")
def platform(start_platform, receiver):
    return start_platform("--callback-url", f"https://localhost:{receiver.port()}/")


def test_a_ruby_client_is_accepted_and_gets_its_report(ruby, platform, receiver, answered, delivered) -> None:
    [answer] = platform.answers(ruby, FOLDER / "send.rb", "您的验证码是123345，请勿泄露给他人。")
    assert answer == answered((852, "67123411"))

    uid = answer["DETAIL_LIST"][0]["SMS_UID"]
    assert receiver.report(uid) == delivered(uid, "ruby-1001")
    [attempt] = platform.pushed(uid)["attempts"]
    assert (attempt["status"], attempt["findings"]) == (200, [])
