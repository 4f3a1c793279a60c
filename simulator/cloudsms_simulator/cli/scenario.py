"""`cloudsms-simulator scenario`: the bundled scenarios, and what it takes to write, check and use one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.config.problems import SettingsError
from cloudsms_simulator.config.scenario_folder import bundled_scenarios, find_scenario

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from cloudsms_simulator.client.client import Client


_ENDINGS = (".yaml", ".yml")


class ListedScenario(msgspec.Struct, frozen=True):
    """A bundled scenario."""

    name: str
    about: str
    file: str


class CheckedFile(msgspec.Struct, frozen=True):
    """A file with what is wrong with it; `found` is whether it is there at all."""

    file: str
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    found: bool = True


@click.group
def scenario() -> None:
    """List, write, check and use scenarios.

    A scenario says how the platform behaves: scenarios/README.md is the reference of such files. Where NAME|FILE is
    wanted, what holds a slash or ends in .yaml, .yml or .json is a file, anything else the name of a bundled scenario.
    """


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    names = [CompletionItem(path.stem) for path in bundled_scenarios() if path.stem.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]


_said = click.argument("said", metavar="NAME|FILE", shell_complete=_complete)


@scenario.command
@as_json
def ls(as_json: bool) -> None:
    """List the bundled scenarios, each with what it is for."""
    from cloudsms_simulator.config.scenario_file import load_scenario

    listed = [ListedScenario(each.name, each.about, str(each.path)) for each in map(load_scenario, bundled_scenarios())]
    if as_json:
        click.echo(msgspec.json.encode({"items": listed}))
        return
    width = max((len(each.name) for each in listed), default=0)
    for each in listed:
        click.echo(f"{each.name:<{width}}  {each.about}")


@scenario.command
@_said
@click.option("--summary", is_flag=True, help="Tell what is in it, included files counting, instead of its text.")
@as_json
def show(said: str, summary: bool, as_json: bool) -> None:
    """Print the text of a scenario, or a summary of it."""
    path = find_scenario(said)
    if not summary:
        text = _text_of(path)
        click.echo(msgspec.json.encode({"file": str(path), "text": text}) if as_json else text, nl=as_json)
        return
    from cloudsms_simulator.cli.scenario_text import summary_lines, summary_of
    from cloudsms_simulator.config.scenario_file import load_scenario

    found = summary_of(load_scenario(path))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in summary_lines(found):
        click.echo(line)


@scenario.command
@click.argument("file", type=click.Path(path_type=Path), default="scenario.yaml")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@as_json
def new(file: Path, force: bool, as_json: bool) -> None:
    """Write a scenario FILE to begin with, scenario.yaml by default, and beside it the schema for editors."""
    from cloudsms_simulator.cli.scenario_text import scenario_template
    from cloudsms_simulator.config.scenario_schema import SCHEMA_NAME, scenario_json_schema
    from cloudsms_simulator.net.private_files import FileContent, write_all

    if file.suffix not in _ENDINGS:
        raise click.BadParameter(
            f'got "{file}", want a name that ends in .yaml, such as {file}.yaml', param_hint="FILE"
        )
    schema_file = file.with_name(SCHEMA_NAME)
    if not force:
        _refuse_to_overwrite(file, schema_file)
    try:
        write_all(
            (
                FileContent(file, scenario_template().encode(), private=False),
                FileContent(schema_file, scenario_json_schema(), private=False),
            )
        )
    except OSError as error:
        raise CommandError(f"{file}: cannot be written: {error.strerror or error}", ExitCode.USAGE) from error
    if as_json:
        click.echo(msgspec.json.encode({"file": str(file), "schema": str(schema_file)}))
    else:
        click.echo(f"{file}: a scenario to begin with; {schema_file}: what editors need to know of such files")


@scenario.command
@click.argument("files", metavar="NAME|FILE...", nargs=-1, required=True)
@as_json
def validate(files: tuple[str, ...], as_json: bool) -> None:
    """List every mistake in scenario files, and in the files they lead to.

    Ends 0 when all are good, 1 when one has a mistake, 2 when one is not there.
    """
    checked = [_checked(file) for file in files]
    if as_json:
        click.echo(msgspec.json.encode({"items": checked}))
    for each in () if as_json else checked:
        for problem in each.problems:
            click.echo(problem)
        for warning in each.warnings:
            click.echo(f"{warning} (a warning)")
        if not each.problems:
            click.echo(f"{each.file}: good")
    if not all(each.found for each in checked):
        raise SystemExit(ExitCode.USAGE)
    if any(each.problems for each in checked):
        raise SystemExit(ExitCode.FAILED)


@scenario.command
@_said
@account_option(about="The account that is to play it")
@as_json
@client_options
def use(client: Client, said: str, account: str, as_json: bool) -> None:
    """Have an account of a running server play a scenario: a bundled one, or the text of a file.

    Its counts, states and timeline begin anew. A file that includes files of your own cannot be used so: the server
    does not see them.
    """
    path = find_scenario(said)
    scenarios = client.of(account).scenarios
    used = scenarios.use(path.stem) if path in bundled_scenarios() else scenarios.use(text=_travelling(path))
    if as_json:
        click.echo(msgspec.json.encode(used))
        return
    for warning in used.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"{account} plays {said}, with the seed {used.seed}")
    for trouble in used.tls:
        click.echo(f"{trouble.url}  ({trouble.trouble})")


@scenario.command
def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from cloudsms_simulator.config import scenario_schema

    click.echo(scenario_schema.scenario_json_schema(), nl=False)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise CommandError(f"{path}: cannot be read: {reason}", ExitCode.USAGE) from error


def _checked(said: str) -> CheckedFile:
    from cloudsms_simulator.config.scenario_file import load_scenario

    try:
        path = Path(said) if Path(said).is_file() else find_scenario(said)
    except SettingsError as error:
        return CheckedFile(said, error.problems, found=False)
    try:
        return CheckedFile(said, warnings=load_scenario(path).warnings)
    except SettingsError as error:
        return CheckedFile(said, error.problems)


def _refuse_to_overwrite(file: Path, schema_file: Path) -> None:
    """Ends the command with 2 when a file is there already, but for a schema file of ours."""
    if file.exists():
        raise CommandError(f"{file} is there already; --force writes over it", ExitCode.USAGE)
    if schema_file.exists() and schema_file.name.encode() not in schema_file.read_bytes():
        what = "is there already, and is no schema of ours"
        raise CommandError(f"{schema_file} {what}; --force writes over it", ExitCode.USAGE)


def _travelling(path: Path) -> str:
    """The text of a file that means the same wherever it is read.

    Raises SettingsError when it has mistakes or names other files of its accounts', and ends the command when it leads
    to scenarios of the user's.
    """
    from cloudsms_simulator.config.scenario_file import load_scenario, parse_scenario

    own = [each for each in load_scenario(path).files[1:] if each not in bundled_scenarios()]
    if own:
        beyond = ", ".join(map(str, own))
        remedy = "put what they say into this file, or start the server with --scenario"
        raise CommandError(f"{path} leads to {beyond}, which the server cannot see; {remedy}", ExitCode.USAGE)
    text = _text_of(path)
    parse_scenario(text, str(path), bundled_only=True)
    return text
