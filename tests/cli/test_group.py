"""The group of commands: what it lists, what it imports, how it ends."""

import errno
import subprocess
import sys
from pathlib import Path

import click
import pytest
from cli_runner import CliRunner

from cloudsms_simulator.cli import COMMANDS, main
from cloudsms_simulator.cli.process import CommandError, ExitCode, explained
from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.net.certificates import CertificateError
from cloudsms_simulator.net.sockets import ListenError

HEAVY = {"aiohttp", "asyncio", "cryptography", "httpx2", "msgspec", "ssl", "starlette", "trustme", "uvicorn", "uvloop"}


def run_python(code: str) -> set[str]:
    """The modules that some code leaves imported in a fresh interpreter."""
    script = f"import sys\n{code}\nprint('modules:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("modules: ")[1].split())


def test_the_help_lists_every_command_with_its_line() -> None:
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.output


def test_the_help_imports_nothing_heavy() -> None:
    modules = run_python("from cloudsms_simulator.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass")

    assert modules.isdisjoint(HEAVY)
    assert {name for name in modules if name.startswith("cloudsms_simulator.")} == {
        "cloudsms_simulator.cli",
        "cloudsms_simulator.cli.process",
        "cloudsms_simulator.expressions",
        "cloudsms_simulator.protocol",
        "cloudsms_simulator.protocol.unicode_text",
    }


def test_the_group_knows_its_commands_and_no_other() -> None:
    context = click.Context(main)

    assert main.list_commands(context) == list(COMMANDS)
    assert main.get_command(context, "serv") is None


def test_readyz_imports_little() -> None:
    modules = run_python("import cloudsms_simulator.cli.readyz")

    assert modules.isdisjoint(HEAVY - {"ssl"})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_row_is_a_command_that_helps(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])

    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_the_version_is_shown() -> None:
    result = CliRunner().invoke(main, ["--version"])

    assert result.exit_code == 0
    assert result.output.startswith("cloudsms-simulator ")


def test_an_unknown_command_ends_2_with_a_suggestion() -> None:
    result = CliRunner().invoke(main, ["serv"])

    assert result.exit_code == 2
    assert 'there is no command "serv"; did you mean "serve"?' in result.output


def test_the_names_of_commands_are_completed_without_importing_them() -> None:
    modules = run_python(
        "from cloudsms_simulator.cli import main\n"
        "import os\n"
        "os.environ.update(COMP_WORDS='cloudsms-simulator se', COMP_CWORD='1', _X_COMPLETE='bash_complete')\n"
        "try: main(prog_name='cloudsms-simulator', complete_var='_X_COMPLETE')\n"
        "except SystemExit: pass"
    )

    assert "cloudsms_simulator.cli.serve" not in modules


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SettingsError(["one problem"]), "one problem"),
        (SettingsError(["one", "two"]), "2 things are wrong:\n  one\n  two"),
        (ListenError("127.0.0.1", 1, "reserved", "choose another"), "cannot listen on 127.0.0.1:1: reserved"),
        (CertificateError(Path("ca.pem"), "is bad", "mend it"), "ca.pem"),
        (FileNotFoundError(2, "No such file or directory", "absent"), "absent: No such file or directory"),
    ],
)
def test_an_error_of_the_user_is_one_message_and_ends_2(error: Exception, message: str) -> None:
    told = explained(error)

    assert told is not None
    assert told.exit_code == 2
    assert message in told.message


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ExitCode.USAGE, "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", b"a"), ExitCode.USAGE, "a: Permission denied"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), ExitCode.UNREACHABLE, "Connection reset"),
        (TimeoutError(), ExitCode.TIMED_OUT, "TimeoutError"),
        (UnicodeEncodeError("utf-8", "caf\udce9", 3, 4, "no"), ExitCode.USAGE, 'got "caf\udce9", which is not UTF-8'),
    ],
)
def test_what_the_system_refuses_is_one_message(error: Exception, code: ExitCode, message: str) -> None:
    told = explained(error)

    assert told is not None
    assert told.exit_code == code
    assert told.message.startswith(message)


def test_an_error_of_ours_is_not_explained_away() -> None:
    assert explained(ValueError("a bug")) is None
    assert explained(UnicodeEncodeError("utf-8", "\ud83d", 0, 1, "no")) is None


def test_every_exit_code_reaches_the_shell() -> None:
    @click.command
    @click.argument("code", type=int)
    def fail(code: int) -> None:
        raise CommandError("no", ExitCode(code))

    for code in ExitCode:
        result = CliRunner().invoke(fail, [str(int(code))])
        assert (result.exit_code, result.output) == (code, "Error: no\n")
