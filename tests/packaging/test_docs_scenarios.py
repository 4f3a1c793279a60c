"""The documents about scenarios: their commands are commands, their numbers mean what they say."""

import re
import shlex
from pathlib import Path

import click
import pytest
from cli_runner import CliRunner
from documents import README, ROOT, section, snippets

from cloudsms_simulator.cli import main
from cloudsms_simulator.config.scenario_file import load_scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.engine.evaluation import MAGIC_NUMBERS

SCENARIOS = (ROOT / "scenarios" / "README.md").read_text(encoding="utf-8")
CERTS = (ROOT / "certs" / "README.md").read_text(encoding="utf-8")
SECTION = section(SCENARIOS, "Playing a scenario")
NEEDS_A_SERVER = (["scenario", "use"], ["clock", "advance"])


def commands_in(text: str) -> list[list[str]]:
    """The lines of its shell snippets, as arguments of the program."""
    lines = [line for block in snippets(text, "sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the section's file."""
    monkeypatch.chdir(tmp_path)
    [text] = re.findall(r"^```yaml\n# busy.yaml\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    (tmp_path / "busy.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_its_file_is_good(folder: Path) -> None:
    assert load_scenario(folder / "busy.yaml").warnings == ()


def give(command: list[str]) -> None:
    """Gives a command, or only has its arguments read where it would need a server or be one."""
    if command[:2] in NEEDS_A_SERVER:
        [name, *rest] = command
        group = main.get_command(click.Context(main), name)
        assert isinstance(group, click.Group)
        subcommand = group.commands[rest[0]]
        subcommand.make_context(rest[0], rest[1:])
    elif command == ["doctor"]:
        assert main.get_command(click.Context(main), "doctor") is not None
    else:
        said = ["config", "show", *command[1:]] if command[0] == "serve" else command
        result = CliRunner().invoke(main, said)
        assert (result.exit_code, result.stderr) == (0, ""), command


def test_its_commands_can_be_given_in_their_order() -> None:
    commands = commands_in(SECTION)
    assert len(commands) == 8
    for command in commands:
        give(command)


def test_the_readme_s_commands_for_demos_can_be_given() -> None:
    commands = commands_in(section(README, "Development and demos"))
    assert len(commands) == 3
    for command in commands:
        give(command)


def test_there_are_as_many_bundled_scenarios_as_it_says() -> None:
    assert "Twenty scenarios are bundled" in SCENARIOS
    assert len(bundled_scenarios()) == 20


def test_the_numbers_of_the_readme_are_magic_and_do_what_it_says() -> None:
    told = dict(re.findall(r"^\| `(\d{6})` \| (.*) \|$", README, re.MULTILINE))
    assert {suffix: MAGIC_NUMBERS[suffix].about for suffix in told} == {
        "555005": "ends as UNDELIVERABLE",
        "555103": "is answered BUSY",
        "555302": "its report comes twice",
        "555307": "no final state comes: EXPIRED at 25 h",
        "555405": "the exchange ends in PROCESSED_NO_ANSWER",
    }


def test_the_certificates_with_a_flaw_are_all_listed() -> None:
    from cloudsms_simulator.engine.faults import Identity, TlsTrouble

    names = {each.flaw.name for each in (*TlsTrouble, *Identity) if each.flaw is not None}
    assert set(re.findall(r"`(trouble-[a-z-]+)\.pem` \|", CERTS)) == names
