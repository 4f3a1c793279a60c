"""curl on the command line: the document's bulk example, and a call without a certificate."""

from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "curl" / "send.sh"


@pytest.fixture(scope="module")
def platform(tool, start_platform):
    tool("curl", "curl")
    return start_platform()


def test_curl_sends_one_text_to_two_numbers_and_each_has_an_sms_uid_of_its_own(platform, answered) -> None:
    [answer] = platform.answers("sh", SCRIPT, "Your verification code is 123345, please do not disclose it to others.")
    assert answer == answered((852, "67123411"), (852, "67123428"))
    assert len({item["SMS_UID"] for item in answer["DETAIL_LIST"]}) == 2


def test_curl_without_a_client_certificate_gets_no_answer_and_the_refused_handshake_is_listed(platform) -> None:
    client = platform.run(
        *("curl", "--silent", "--show-error", "--cacert", platform.variables["CLOUDSMS_CA"]),
        *("--data", "{}", platform.variables["CLOUDSMS_URL"]),
    )
    assert (client.returncode != 0, client.stdout) == (True, "")

    [handshake] = [request for request in platform.requests() if request["kind"] == "handshake"]
    assert [finding["rule"] for finding in handshake["findings"]] == ["handshake-refused"]
