"""The keys at the top of a scenario file, the table they make, and the JSON Schema of the whole format.

The schema is made of the same types that read the files: for editors, and for whoever writes such files by program.
What it cannot say, such as percentages that add up to 100, `load_scenario` finds. State documents have scenarios and
rule books in the same words, each in one piece (`STATE_SCENARIO`, `STATE_BOOK`).

Spec: none; this is how scenarios are written. Reading: R21.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from cloudsms_simulator.config.account_schema import ACCOUNT_OVERRIDES, NAME, STATE_OVERRIDES, AccountOverrides
from cloudsms_simulator.config.match_schema import STATE_NAME
from cloudsms_simulator.config.outcome_schema import REPORT
from cloudsms_simulator.config.rule_schema import FAULT, RULE, RULE_ID, TLS_FAULTS
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.schema import (
    INVALID,
    InvalidValueError,
    ListType,
    RecordType,
    ScalarType,
    Schema,
    TableKey,
    docstrings,
)
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.config.values import COUNT, COUNT_FROM_ZERO, DURATION, ON_OFF, SWITCH_TYPES, TEXT, choice_type
from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.engine.plan import Outlook
from cloudsms_simulator.engine.rules import FaultRule, Rule, RuleBook, RuleBookChange
from cloudsms_simulator.protocol.profile import PROFILES, Profile

FORMAT_VERSION = 1
"""The version of the format of scenario files."""


class TimelineChange(msgspec.Struct, frozen=True):
    """A line of the timeline: when another scenario takes over, and which, by name or path."""

    scenario: str
    at: timedelta | None = None
    messages: int | None = None


class ScenarioTable(msgspec.Struct, frozen=True, kw_only=True):
    """What one file says, without those it includes."""

    name: str | None = None
    about: str = ""
    seed: int | None = None
    profile: Literal["spec", "observed"] | None = None
    include: tuple[str, ...] = ()
    """Names or paths of other scenarios."""
    accounts: tuple[AccountOverrides, ...] = ()
    outlook: Outlook | None = None
    rules: tuple[Rule, ...] = ()
    """A rule without an id has an empty one here, as a fault has."""
    faults: tuple[FaultRule, ...] = ()
    timeline: tuple[TimelineChange, ...] = ()
    states: tuple[str, ...] = ()
    magic: bool | None = None
    tls: tuple[TlsTrouble, ...] = ()


def _version(value: TomlValue) -> int:
    if value != FORMAT_VERSION or not isinstance(value, int) or isinstance(value, bool):
        raise InvalidValueError
    return FORMAT_VERSION


def _line(value: TomlValue) -> str:
    if not isinstance(value, str) or len(value.strip().splitlines()) != 1:
        raise InvalidValueError
    return value.strip()


def _states(names: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(names)) < len(names):
        raise InvalidValueError("each state once")
    return names


def _defaults(taken: Mapping[str, object], location: Location) -> object:
    return taken.get("report")


def _timeline_change(taken: Mapping[str, object], location: Location) -> object:
    if ("at" in taken) == ("messages" in taken):
        got = "both at and messages" if "at" in taken else "neither at nor messages"
        location.error(f"got {got}, want one of the two")
        return INVALID
    return msgspec.structs.replace(TimelineChange(""), **taken)


_DEFAULTS: Mapping[str, TableKey] = {
    "report": TableKey(REPORT, "What becomes of messages no rule says anything about: states in steps, or a mix."),
}
_TIMELINE_CHANGE: Mapping[str, TableKey] = {
    "at": TableKey(DURATION, "So long after the scenario was put to use, on the account's clock."),
    "messages": TableKey(COUNT, "Once so many messages were accepted since the scenario was put to use."),
    "scenario": TableKey(TEXT, "The scenario whose rules take over, by name or by path.", required=True),
}
_REFERENCE = "the name of a bundled scenario or the path of a file, or a list of them"
_TOP: Mapping[str, TableKey] = {
    "$schema": TableKey(TEXT, "Where editors find the JSON Schema of this format; means nothing else."),
    "version": TableKey(
        ScalarType(
            want=f"{FORMAT_VERSION}, the version of this format", read=_version, schema={"const": FORMAT_VERSION}
        ),
        "The version of this format: 1.",
        required=True,
    ),
    "name": TableKey(NAME, "What the scenario is called; the file's name without its ending unless said."),
    "about": TableKey(
        ScalarType(want="a text of one line", read=_line, schema={"type": "string", "minLength": 1}),
        "One line: which part of a client it exercises.",
    ),
    "seed": TableKey(COUNT_FROM_ZERO, "What every chance is drawn from, so that a run can be repeated."),
    "profile": TableKey(choice_type(*PROFILES), "Which platform speaks: the document's, or the one observed."),
    "include": TableKey(
        ListType(want=_REFERENCE, item=TEXT, single=True),
        "Scenarios whose rules and faults come after the file's own, by name or by path.",
    ),
    "accounts": TableKey(ACCOUNT_OVERRIDES, "The customers, with the keys that accounts have in the configuration."),
    "defaults": TableKey(
        RecordType(
            want="a table such as {example}",
            entries=lambda: _DEFAULTS,
            make=_defaults,
            example={"report": {"mix": {"DELIVERED": 90, "UNDELIVERABLE": 10}}},
        ),
        "What holds where no rule does.",
    ),
    "rules": TableKey(
        ListType(want="a list of rules, such as {example}", item=RULE, example=[{"reply": "Busy"}]),
        "Rules for answers and reports; the first that fits decides for a destination.",
    ),
    "faults": TableKey(
        ListType(want="a list of faults, such as {example}", item=FAULT, example=[{"fault": "DRIBBLE"}]),
        "Trouble on the way to an answer; the first that fits befalls a request.",
    ),
    "timeline": TableKey(
        ListType(
            want="a list of changes, such as {example}",
            item=RecordType(
                want="a table such as {example}",
                entries=lambda: _TIMELINE_CHANGE,
                make=_timeline_change,
                title="change",
                example={"at": "10m", "scenario": "blackout"},
                more={"oneOf": [{"required": ["at"]}, {"required": ["messages"]}]},
            ),
            example=[{"at": "10m", "scenario": "blackout"}],
        ),
        "Other scenarios that take over, in order of time.",
    ),
    "states": TableKey(
        ListType(
            want="a list of names, such as {example}", item=STATE_NAME, gather=_states, example=["open", "closed"]
        ),
        "Named states the rules can be in; they begin in the first.",
    ),
    "magic": TableKey(ON_OFF, "off: numbers that end in a magic suffix are ordinary numbers."),
    "tls": TableKey(TLS_FAULTS, "Listeners to open that show bad certificates or end handshakes."),
}

SCENARIO_TABLE = RecordType(
    want="a table", entries=lambda: _TOP, blank=ScenarioTable(), fields={"defaults": "outlook"}, lenient=True
)
"""Reads a `ScenarioTable`, made of what fits."""


# Scenarios as state documents have them: one rule book, with all that was included in it.

_LONGEST_PLACE = 1000


def _kept_id(value: TomlValue) -> object:
    """An id as rules have them; one with a blank was made of a place in a file."""
    if isinstance(value, str) and " " in value and len(value) <= _LONGEST_PLACE:
        return value
    return RULE_ID.read(value)


def _any_text(value: TomlValue) -> str:
    if not isinstance(value, str):
        raise InvalidValueError
    return value


def _with_its_id(kind: RecordType) -> RecordType:
    """The type of a rule or a fault that is written with its id, also one that was made of its place in a file."""
    entries = {**kind.entries(), "id": TableKey(STATE_RULE_ID, "What the rule is called.", required=True)}
    return msgspec.structs.replace(kind, entries=lambda: entries, parts=None)


def _whole_scenario(taken: Mapping[str, object], location: Location) -> Scenario:
    return msgspec.structs.replace(Scenario(name="", path=Path(str(taken["name"]))), **taken)


STATE_RULE_ID = msgspec.structs.replace(RULE_ID, read=_kept_id)
STATE_BOOK = RecordType(want="a rule book", entries=lambda: _BOOK, blank=RuleBook(), fields={"report": "outlook"})
"""Reads a `RuleBook`."""
_TURN: Mapping[str, TableKey] = {
    **{key: _TIMELINE_CHANGE[key] for key in ("at", "messages")},
    "book": TableKey(STATE_BOOK, "The rules that take over.", required=True),
}
_BOOK: Mapping[str, TableKey] = {
    "name": TableKey(ScalarType(want="a text", read=_any_text), "What the rules are called."),
    "rules": TableKey(ListType(want="a list of rules", item=_with_its_id(RULE)), _TOP["rules"].doc),
    "faults": TableKey(ListType(want="a list of faults", item=_with_its_id(FAULT)), _TOP["faults"].doc),
    "report": _DEFAULTS["report"],
    "states": TableKey(ListType(want="a list of names", item=STATE_NAME), _TOP["states"].doc),
    "magic": _TOP["magic"],
    "timeline": TableKey(
        ListType(
            want="a list of changes",
            item=RecordType(want="a table", entries=lambda: _TURN, blank=RuleBookChange(book=RuleBook())),
        ),
        _TOP["timeline"].doc,
    ),
}
_SCENARIO: Mapping[str, TableKey] = {
    "name": TableKey(NAME, _TOP["name"].doc, required=True),
    **{key: _TOP[key] for key in ("about", "seed", "profile", "tls")},
    "accounts": TableKey(msgspec.structs.replace(ACCOUNT_OVERRIDES, item=STATE_OVERRIDES), _TOP["accounts"].doc),
    "book": TableKey(STATE_BOOK, "Its rules, with those of the files that it includes."),
}
STATE_SCENARIO = RecordType(
    want="a scenario", entries=lambda: _SCENARIO, blank=Scenario(name="", path=Path()), make=_whole_scenario
)
"""Reads a `Scenario`, without where its files stood."""


# The JSON Schema.

SCHEMA_NAME = "scenario.schema.json"
"""What the file is called wherever it is served or written."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def scenario_json_schema() -> bytes:
    """The schema as JSON, draft 2020-12, two blanks an indent; `$id` is a name without a host."""
    definitions: dict[str, Schema] = {}
    whole = SCENARIO_TABLE.schema_in(definitions)
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
    """Returns the schema of an account with the switches of a profile in it, each with its docstring."""
    docs = docstrings(Profile)
    switches = {name: {**each.schema_in({}), "description": docs.get(name, "")} for name, each in SWITCH_TYPES.items()}
    properties = account["properties"]
    if not isinstance(properties, Mapping) or not isinstance(said := properties["switches"], Mapping):
        raise TypeError("an account has no switches")
    described = {**said, "type": "object", "properties": switches, "additionalProperties": False}
    return {**account, "properties": {**properties, "switches": described}}
