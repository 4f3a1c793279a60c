"""How commands end that speak to the admin API through the client."""

import pytest
from cli_runner import CliRunner

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.admin_api import command_error
from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.client.errors import (
    ApiError,
    RefusedError,
    SilentError,
    UnreachableError,
    UnreadableError,
    WaitError,
)
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.pytest_plugin.server import ServerThread


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnreachableError("nobody"), ExitCode.UNREACHABLE, "nobody"),
        (SilentError("late"), ExitCode.TIMED_OUT, "late"),
        (UnreadableError("not ours"), ExitCode.FAILED, "not ours"),
        (WaitError("too few", 1, 0, 0, (), in_vain=False), ExitCode.TIMED_OUT, "too few"),
        (RefusedError(400, "bad", "wrong"), ExitCode.USAGE, "wrong"),
        (RefusedError(404, "none", "no such"), ExitCode.USAGE, "no such"),
        (RefusedError(409, "conflict", "taken"), ExitCode.FAILED, "taken"),
        (RefusedError(503, "busy", "later"), ExitCode.FAILED, "later"),
        (RefusedError(400, "bad", "some", ("one", "two")), ExitCode.USAGE, "2 things are wrong:\n  one\n  two"),
        (RefusedError(400, "bad", "some", ("one",)), ExitCode.USAGE, "one"),
        (
            RefusedError(401, "no", "send the token"),
            ExitCode.USAGE,
            "send the token: give --admin-token, or set CLOUDSMS_SIM_ADMIN_TOKEN",
        ),
    ],
)
def test_an_error_of_the_client_is_one_message_and_a_code(error: ApiError, code: ExitCode, message: str) -> None:
    ending = command_error(error)
    assert (ending.exit_code, ending.message) == (code, message)


def test_silence_ends_4(monkeypatch: pytest.MonkeyPatch, silent_url: str) -> None:
    monkeypatch.setattr("cloudsms_simulator.client.transport.MARGIN", 0.05)
    result = CliRunner().invoke(main, ["messages", "ls", "--admin-url", silent_url])
    assert (result.exit_code, result.stderr) == (ExitCode.TIMED_OUT, f"Error: {silent_url} does not answer in time\n")


def test_a_server_below_a_base_path_is_called_there() -> None:
    thread = ServerThread(Settings(port=0, admin_port=0, admin_path="/tools/sms"))
    url = thread.start().admin_url
    try:
        assert url.endswith("/tools/sms")
        result = CliRunner().invoke(main, ["messages", "ls", "--admin-url", f"{url}/"])
        assert (result.exit_code, result.stderr) == (ExitCode.OK, "no messages\n")
        result = CliRunner().invoke(main, ["messages", "ls", "--admin-url", url.replace("/sms", "/other")])
        assert result.exit_code == ExitCode.USAGE
    finally:
        thread.stop()
