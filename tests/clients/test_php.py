"""The PHP clients: curl for sending, PHP's built-in web server for receiving."""

import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "php"
AUTH_KEY = "a/key/with+slashes/"


@pytest.fixture(scope="module")
def php(tool):
    program = tool("php", "php-cli")
    if "curl" not in subprocess.run([program, "-m"], capture_output=True, text=True, check=True).stdout.split():
        pytest.skip("PHP's curl is missing; Debian has it in the package php-curl")
    return program


@pytest.fixture(scope="module")
def receiver(php, start_receiver):
    return start_receiver(php, "-S", "127.0.0.1:0", FOLDER / "receive.php")


@pytest.fixture(scope="module")
def platform(start_platform, receiver, tmp_path_factory):
    # A key with slashes, which real ones have: json_encode writes each as \/.
    config = tmp_path_factory.mktemp("config") / "simulator.toml"
    config.write_text(f'[[accounts]]\nname = "default"\nauth_key = "{AUTH_KEY}"\n')
    return start_platform("--config", str(config), "--callback-url", f"http://127.0.0.1:{receiver.port()}/")


def test_a_php_client_that_escapes_slashes_and_chinese_is_accepted_and_gets_its_report(
    php, platform, receiver, answered, delivered
) -> None:
    assert platform.variables["CLOUDSMS_AUTH_KEY"] == AUTH_KEY
    [answer] = platform.answers(php, FOLDER / "send.php", "您的验证码是123345: https://example.com/")
    assert answer == answered((852, "67123411"))

    uid = answer["DETAIL_LIST"][0]["SMS_UID"]
    assert receiver.report(uid) == delivered(uid, "php/1001")
    [attempt] = platform.pushed(uid)["attempts"]
    assert (attempt["status"], attempt["findings"]) == (200, [])
    assert platform.message(uid)["text"] == "[CloudSMS] 您的验证码是123345: https://example.com/"
