"""`cloudsms-simulator config`: the settings in effect, the check of a file, and a file to begin with.

The file has every setting, commented out, with what it is for: taking the `#` away from every line that has no
blank behind it gives valid TOML.
"""

import sys
import textwrap
from collections.abc import Iterator, Mapping

import click
import msgspec

from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.cli.serve import settings_options
from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.schema import SettingField, docstrings, fields_of
from cloudsms_simulator.config.settings import (
    LoadedSettings,
    Settings,
    load_settings,
    setting_values,
)
from cloudsms_simulator.config.sources import TomlValue, toml_key, toml_text
from cloudsms_simulator.config.values import SWITCH_TYPES
from cloudsms_simulator.protocol.profile import Profile

_WIDTH = 100
_HEAD = (
    "Settings of cloudsms-simulator. Use it with --config FILE or CLOUDSMS_SIM_CONFIG=FILE. A line that begins with "
    "# and a word is a setting: take the # away to use it. Shown are the defaults, or an example where the default is "
    "nothing. Flags and CLOUDSMS_SIM_ variables count before this file. Relative paths begin at its folder."
)
_TABLES = ("switches", "accounts")
_NOT_IN_FILES = ("config",)


def config_template() -> str:
    """The text of the file. Taking the `#` away from every line that has no blank behind it gives valid TOML."""
    return "\n".join(_template_lines()) + "\n"


def _template_lines() -> Iterator[str]:
    fields = {field.name: field for field in fields_of(Settings)}
    yield from _prose(_HEAD)
    for field in fields.values():
        if field.name not in (*_TABLES, *_NOT_IN_FILES):
            yield from _setting(field)
    yield ""
    yield from _prose(fields["switches"].doc)
    yield "#[switches]"
    docs = docstrings(Profile)
    for name in SWITCH_TYPES:
        yield ""
        yield from _prose(docs.get(name, ""))
        yield f"#{name} = {toml_text(SWITCH_TYPES[name].dump(getattr(Profile(), name)))}"
    yield ""
    yield from _prose(fields["accounts"].doc)
    yield "#[[accounts]]"
    for field in fields_of(AccountSettings):
        yield from _setting(field)


def _setting(field: SettingField) -> Iterator[str]:
    yield ""
    yield from _prose(field.doc)
    value = field.kind.example if field.default is None or field.default == {} else field.kind.dump(field.default)
    yield f"#{field.name} = {toml_text(value)}"


def _prose(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)]


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
    for line in _settings_lines(loaded, origin):
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

    click.echo(config_template(), nl=False)


def _settings_lines(loaded: LoadedSettings, origin: bool) -> Iterator[str]:
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
