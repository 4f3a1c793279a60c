"""The Python clients: `requests` for sending, the standard library for receiving."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "python"
TEXT = "Your verification code is 123345, please do not disclose it to others."


@pytest.fixture(scope="module")
def receiver(start_receiver):
    return start_receiver(sys.executable, FOLDER / "receive.py")


@pytest.fixture(scope="module")
def platform(start_platform, receiver):
    return start_platform("--callback-url", f"https://localhost:{receiver.port()}/")


def test_a_python_client_without_a_content_type_is_accepted_and_gets_its_report(
    platform, receiver, answered, delivered
) -> None:
    [answer] = platform.answers(sys.executable, FOLDER / "send.py", TEXT)
    assert answer == answered((852, "67123411"))

    uid = answer["DETAIL_LIST"][0]["SMS_UID"]
    [request] = [request for request in platform.requests() if uid in request["uids"]]
    assert "content-type" not in dict(request["headers"])
    assert receiver.report(uid) == delivered(uid, "python-1001")
    [attempt] = platform.pushed(uid)["attempts"]
    assert (attempt["status"], attempt["findings"]) == (200, [])


def test_a_receiver_that_answers_with_an_empty_body_leaves_a_finding_beside_its_report(
    start_receiver, start_platform, delivered
) -> None:
    forgetful = start_receiver(sys.executable, FOLDER / "receive.py", "--forget-answer")
    platform = start_platform("--callback-url", f"https://localhost:{forgetful.port()}/")

    [answer] = platform.answers(sys.executable, FOLDER / "send.py", TEXT)
    uid = answer["DETAIL_LIST"][0]["SMS_UID"]
    assert forgetful.report(uid) == delivered(uid, "python-1001")
    [attempt] = platform.pushed(uid)["attempts"]
    assert (attempt["status"], [finding["rule"] for finding in attempt["findings"]]) == (200, ["dr-answer-empty"])
