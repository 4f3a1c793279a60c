"""The Node clients, and the slip of the document's Node sample: Content-Length counted in characters."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"
ENGLISH = "Your verification code is 123345, please do not disclose it to others."
CHINESE = "您的验证码是123345，请勿泄露给他人。"
LOST_INFO = 0x10000007


def rules(request: dict[str, list[dict[str, str]]]) -> set[str]:
    """The ids of what was found in an exchange."""
    return {finding["rule"] for finding in request["findings"]}


@pytest.fixture(scope="module")
def node(tool):
    return tool("node", "nodejs")


@pytest.fixture(scope="module")
def receiver(node, start_receiver):
    return start_receiver(node, FOLDER / "receive.js")


@pytest.fixture(scope="module")
def platform(start_platform, receiver):
    return start_platform("--callback-url", f"https://localhost:{receiver.port()}/")


@pytest.mark.parametrize(
    ("text", "counting"),
    [(ENGLISH, "characters"), (CHINESE, "bytes")],
    ids=["English counted in characters", "Chinese counted in bytes"],
)
def test_a_node_client_whose_content_length_is_right_is_accepted_and_gets_its_report(
    node, platform, receiver, answered, delivered, text, counting
) -> None:
    [answer] = platform.answers(node, FOLDER / "send.js", text, counting)
    assert answer == answered((852, "67123411"))

    uid = answer["DETAIL_LIST"][0]["SMS_UID"]
    assert receiver.report(uid) == delivered(uid, "node-1001")
    [attempt] = platform.pushed(uid)["attempts"]
    assert (attempt["status"], attempt["findings"]) == (200, [])


def test_a_node_client_that_counts_chinese_in_characters_sees_lost_info_although_surplus_bytes_follow(
    node, platform, answered
) -> None:
    assert platform.answers(node, FOLDER / "send.js", CHINESE, "characters") == [
        answered(code=LOST_INFO, desc="Lost_info", serial=0)
    ]

    [request] = [request for request in platform.requests() if "body-cut" in rules(request)]
    assert "surplus-bytes" in rules(request)
