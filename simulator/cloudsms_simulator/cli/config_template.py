"""The configuration to begin with: every setting, commented out, with what it is for."""

import textwrap
from collections.abc import Iterator

from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.server.account_settings import AccountSettings
from cloudsms_simulator.server.setting_field import SettingField, docstrings, fields_of
from cloudsms_simulator.server.setting_values import field_value, toml_value
from cloudsms_simulator.server.settings import Settings
from cloudsms_simulator.server.switches import SWITCH_KINDS
from cloudsms_simulator.server.toml_text import toml_text

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
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    fields = {field.name: field for field in fields_of(Settings)}
    yield from _prose(_HEAD)
    for field in fields.values():
        if field.name not in (*_TABLES, *_NOT_IN_FILES):
            yield from _setting(field)
    yield ""
    yield from _prose(fields["switches"].doc)
    yield "#[switches]"
    docs = docstrings(Profile)
    for name in SWITCH_KINDS:
        yield ""
        yield from _prose(docs.get(name, ""))
        yield f"#{name} = {toml_text(toml_value(getattr(Profile(), name)))}"
    yield ""
    yield from _prose(fields["accounts"].doc)
    yield "#[[accounts]]"
    for field in fields_of(AccountSettings):
        yield from _setting(field)


def _setting(field: SettingField) -> Iterator[str]:
    yield ""
    yield from _prose(field.doc)
    value = field.kind.example if field.default is None or field.default == {} else field_value(field, field.default)
    yield f"#{field.name} = {toml_text(value)}"


def _prose(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)]
