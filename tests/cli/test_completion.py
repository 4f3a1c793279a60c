import shutil
import subprocess
from pathlib import Path

import pytest
from cli_runner import CliRunner
from click.shell_completion import ShellComplete

from cloudsms_simulator.cli import COMMANDS, main


def completed(words: list[str], incomplete: str) -> list[str]:
    completer = ShellComplete(main, {}, "cloudsms-simulator", "_CLOUDSMS_SIMULATOR_COMPLETE")
    return [item.value for item in completer.get_completions(words, incomplete)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_the_program_and_the_variable(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert "_CLOUDSMS_SIMULATOR_COMPLETE" in result.output
    assert "cloudsms-simulator" in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_read_its_script(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(CliRunner().invoke(main, ["completion", shell]).output)

    assert subprocess.run([program, "-n", str(script)], capture_output=True).returncode == 0


def test_another_shell_ends_2() -> None:
    assert CliRunner().invoke(main, ["completion", "csh"]).exit_code == 2


def test_commands_are_completed() -> None:
    assert completed([], "") == list(COMMANDS)
    assert completed([], "se") == ["serve", "send", "segments"]


def test_options_of_the_group_are_completed() -> None:
    assert completed([], "--ver") == ["--version"]


def test_settings_are_completed_as_options() -> None:
    assert completed(["serve"], "--admin-po") == ["--admin-port"]


def test_the_words_of_a_setting_are_completed() -> None:
    assert completed(["serve", "--mtls"], "") == ["off", "optional", "required"]
    assert completed(["serve", "--clock"], "") == ["real", "frozen"]
    assert completed(["serve", "--port"], "") == []


def test_the_commands_of_a_group_are_completed() -> None:
    assert {"ls", "find", "wait", "tail", "export"} <= set(completed(["messages"], ""))
    assert completed(["account"], "cre") == ["create", "credit"]
    assert completed(["requests", "export"], "--h") == ["--har", "--help"]
    assert completed(["messages", "ls", "-to:86*"], "--lim") == ["--limit"]
