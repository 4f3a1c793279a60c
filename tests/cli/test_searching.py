"""Searches on a command line, whose terms may begin with a dash."""

import click
import pytest
from cli_runner import CliRunner

from cloudsms_simulator.cli.journal import SearchCommand, search_argument


@click.command(cls=SearchCommand, context_settings={"help_option_names": ["-h", "--help"]})
@search_argument
@click.option("--limit", default="none")
@click.option("--json", "as_json", is_flag=True)
def find(search: tuple[str, ...], limit: str, as_json: bool) -> None:
    """Tells what it was told."""
    click.echo((list(search), limit, as_json))


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], ([], "none", False)),
        (["to:852* state:DELIVERED"], (["to:852* state:DELIVERED"], "none", False)),
        (["a", "-to:86*", "--json"], (["a", "-to:86*"], "none", True)),
        (["-hello", "-limit:5"], (["-hello", "-limit:5"], "none", False)),
        (["--limit", "-12", "-x:1"], (["-x:1"], "-12", False)),
        (["--limit=-12", "x"], (["x"], "-12", False)),
        (["--", "--json", "-h"], (["--json", "-h"], "none", False)),
    ],
)
def test_terms_are_told_from_options(args: list[str], told: object) -> None:
    result = CliRunner().invoke(find, args)
    assert (result.exit_code, result.output) == (0, f"{told}\n")


@pytest.mark.parametrize(("args", "code"), [(["-h"], 0), (["--limit"], 2), (["--nope"], 2), (["-x"], 2)])
def test_options_stay_options(args: list[str], code: int) -> None:
    assert CliRunner().invoke(find, args).exit_code == code
