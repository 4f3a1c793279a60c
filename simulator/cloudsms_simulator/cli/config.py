"""`cloudsms-simulator config`: the settings in effect, the check of a file, a file to begin with."""

import sys
from collections.abc import Iterator, Mapping

import click
import msgspec

from cloudsms_simulator.cli.exit_codes import ExitCode
from cloudsms_simulator.cli.options import settings_options
from cloudsms_simulator.server.loaded_settings import LoadedSettings, load_settings
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.setting_values import setting_values
from cloudsms_simulator.server.toml_file import TomlValue
from cloudsms_simulator.server.toml_text import toml_key, toml_text


@click.group
def config() -> None:
    """Show, check or begin a configuration."""


@config.command
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@settings_options
def show(loaded: LoadedSettings, origin: bool, as_json: bool) -> None:
    """Print the settings that `serve` would have with the same options, as TOML.

    AUTH_KEYs appear as fingerprints and tokens not at all.
    """
    if as_json:
        values = setting_values(loaded.settings)
        entries = {name: values.get(name) for name in loaded.origins}
        shown = {name: {"value": entries[name], "origin": loaded.origins[name]} for name in entries}
        click.echo(msgspec.json.encode(shown if origin else entries))
        return
    for line in _lines(loaded, origin):
        click.echo(line)


@config.command
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: str, as_json: bool) -> None:
    """Check a TOML file; lists everything that is wrong with it and ends 2, or ends 0."""
    problems: tuple[str, ...] = ()
    try:
        load_settings({"config": file}, {})
    except SettingsError as error:
        if not as_json:
            raise
        problems = error.problems
    if as_json:
        click.echo(msgspec.json.encode({"file": file, "problems": problems}))
    else:
        click.echo(f"{file}: good")
    sys.exit(ExitCode.USAGE if problems else ExitCode.OK)


@config.command
def init() -> None:
    """Print a TOML file with every setting commented out."""
    from cloudsms_simulator.cli.config_template import config_template

    click.echo(config_template(), nl=False)


def _lines(loaded: LoadedSettings, origin: bool) -> Iterator[str]:
    """The settings as TOML; what no file can say, and what is not set, as comments."""
    values = setting_values(loaded.settings)
    notes = {name: f"  # {where}" if origin else "" for name, where in loaded.origins.items()}
    tables = ("switches", "accounts")
    for name in loaded.origins:
        if name not in values:
            yield f"# {name} is not set"
        elif name == "config":
            yield f"# config = {toml_text(values[name])}{notes[name]}"
        elif name not in tables:
            yield f"{name} = {toml_text(values[name])}{notes[name]}"
    yield from _table("[switches]", values["switches"], notes["switches"])
    for account in _entries(values["accounts"]):
        yield from _table("[[accounts]]", account, notes["accounts"])


def _table(header: str, table: TomlValue, note: str) -> Iterator[str]:
    yield ""
    yield f"{header}{note}"
    if isinstance(table, Mapping):
        for key, value in table.items():
            yield f"{toml_key(key)} = {toml_text(value)}"


def _entries(value: TomlValue) -> Iterator[TomlValue]:
    if isinstance(value, list):
        yield from value
