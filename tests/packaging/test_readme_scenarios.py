"""The README about scenarios: its file is good, its commands are commands, its numbers mean what it says."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cloudsms_simulator.cli import main
from cloudsms_simulator.config.scenario_file import load_scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.engine.evaluation import MAGIC_NUMBERS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CERTS = (ROOT / "certs" / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## Scenarios") : README.index("## Commands")]
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"^```sh\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
NEEDS_A_SERVER = (["scenario", "use"], ["clock", "advance"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the section's file."""
    monkeypatch.chdir(tmp_path)
    [text] = re.findall(r"^```yaml\n# busy.yaml\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    (tmp_path / "busy.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_its_file_is_good(folder: Path) -> None:
    assert load_scenario(folder / "busy.yaml").warnings == ()


def test_its_commands_can_be_given_in_their_order() -> None:
    assert len(COMMANDS) == 8
    for command in COMMANDS:
        if command[:2] in NEEDS_A_SERVER:
            [name, *rest] = command
            group = main.get_command(click.Context(main), name)
            assert isinstance(group, click.Group)
            subcommand = group.commands[rest[0]]
            subcommand.make_context(rest[0], rest[1:])
        else:
            said = ["config", "show", *command[1:]] if command[0] == "serve" else command
            result = CliRunner().invoke(main, said)
            assert (result.exit_code, result.stderr) == (0, ""), command


def test_there_are_as_many_bundled_scenarios_as_it_says() -> None:
    assert "Twenty are bundled" in SECTION
    assert len(bundled_scenarios()) == 20


def test_its_numbers_are_magic_and_do_what_it_says() -> None:
    told = dict(re.findall(r"^\| `(\d{6})` \| (.*) \|$", SECTION, re.MULTILINE))
    assert {suffix: MAGIC_NUMBERS[suffix].about for suffix in told} == {
        "555005": "ends as UNDELIVERABLE",
        "555103": "is answered BUSY",
        "555302": "its report comes twice",
        "555307": "no final state comes: EXPIRED at 25 h",
        "555405": "the exchange ends in PROCESSED_NO_ANSWER",
    }


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", README)
    for path, anchor in links:
        target = ROOT / path / "README.md" if (ROOT / path).is_dir() else ROOT / path
        text = target.read_bytes().decode("utf-8", "replace")
        headings = [re.sub(r"[^a-z0-9 -]", "", line.lower()) for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
        assert not anchor or anchor in [heading.replace(" ", "-") for heading in headings], (path, anchor)


def test_the_certificates_with_a_flaw_are_all_listed() -> None:
    from cloudsms_simulator.engine.faults import Identity, TlsTrouble

    names = {each.flaw.name for each in (*TlsTrouble, *Identity) if each.flaw is not None}
    assert set(re.findall(r"`(trouble-[a-z-]+)\.pem` \|", CERTS)) == names
