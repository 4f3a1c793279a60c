"""The JSON Schema of scenario files, made of their kinds: for editors, and for whoever writes such files by program.

What it cannot say, such as percentages that add up to 100, `load_scenario` finds.
"""

from collections.abc import Mapping

import msgspec

from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.server.kinds import Schema
from cloudsms_simulator.server.scenario_kinds import SCENARIO
from cloudsms_simulator.server.setting_field import docstrings
from cloudsms_simulator.server.switches import SWITCH_KINDS

SCHEMA_NAME = "scenario.schema.json"
"""What the file is called wherever it is served or written."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> bytes:
    """The schema as JSON, draft 2020-12, two blanks an indent; `$id` is a name without a host."""
    definitions: dict[str, Schema] = {}
    whole = SCENARIO.schema_in(definitions)
    definitions["account"] = _with_switches(definitions["account"])
    document: Schema = {
        "$schema": _DRAFT,
        "$id": SCHEMA_NAME,
        "title": "CloudSMS simulator scenario",
        **whole,
        "$defs": dict(sorted(definitions.items())),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def editor_line(where: str = SCHEMA_NAME) -> str:
    """The first line of a file whose editor is to find the schema at `where`, a path or an address."""
    return f"# yaml-language-server: $schema={where}"


def _with_switches(account: Schema) -> Schema:
    """The table of an account with the switches of a profile, whose documentation is theirs."""
    docs = docstrings(Profile)
    switches = {name: {**kind.schema_in({}), "description": docs.get(name, "")} for name, kind in SWITCH_KINDS.items()}
    properties = account["properties"]
    if not isinstance(properties, Mapping) or not isinstance(said := properties["switches"], Mapping):
        raise TypeError("an account has no switches")
    described = {**said, "type": "object", "properties": switches, "additionalProperties": False}
    return {**account, "properties": {**properties, "switches": described}}
