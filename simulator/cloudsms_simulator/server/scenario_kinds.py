"""The kinds of values at the top of a scenario file, and the table they make.

Spec: none; this is how scenarios are written. Reading: R21.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import msgspec

from cloudsms_simulator.engine.fault import TlsTrouble
from cloudsms_simulator.engine.outlook import Outlook
from cloudsms_simulator.engine.rule_book import FaultRule, Rule
from cloudsms_simulator.protocol.profile import PROFILES
from cloudsms_simulator.server.account_kinds import NAME
from cloudsms_simulator.server.account_settings import SAID_ACCOUNTS, SaidAccount
from cloudsms_simulator.server.compound_kinds import Entry, RecordKind
from cloudsms_simulator.server.condition_kinds import STATE_NAME
from cloudsms_simulator.server.fault_kinds import FAULT, TLS
from cloudsms_simulator.server.kinds import UNFIT, ListKind, Scalar, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.report_kinds import REPORT
from cloudsms_simulator.server.rule_kinds import RULE
from cloudsms_simulator.server.setting_kinds import AMOUNT, COUNT, DURATION, ON_OFF, TEXT, choice
from cloudsms_simulator.server.toml_file import TomlValue

VERSION = 1
"""Of the format."""


class Turnover(msgspec.Struct, frozen=True):
    """A line of the timeline: when another scenario takes over, and which, by name or path."""

    scenario: str
    at: timedelta | None = None
    messages: int | None = None


class ScenarioTable(msgspec.Struct, frozen=True, kw_only=True):
    """What one file says, by itself."""

    name: str | None = None
    about: str = ""
    seed: int | None = None
    profile: Literal["spec", "observed"] | None = None
    include: tuple[str, ...] = ()
    """Names or paths."""
    accounts: tuple[SaidAccount, ...] = ()
    outlook: Outlook | None = None
    rules: tuple[Rule, ...] = ()
    """Those without an id have an empty one, as faults do."""
    faults: tuple[FaultRule, ...] = ()
    timeline: tuple[Turnover, ...] = ()
    states: tuple[str, ...] = ()
    magic: bool | None = None
    tls: tuple[TlsTrouble, ...] = ()


def _version(value: TomlValue) -> int:
    if value != VERSION or not isinstance(value, int) or isinstance(value, bool):
        raise UnfitError
    return VERSION


def _line(value: TomlValue) -> str:
    if not isinstance(value, str) or len(value.strip().splitlines()) != 1:
        raise UnfitError
    return value.strip()


def _states(names: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(names)) < len(names):
        raise UnfitError("each state once")
    return names


def _defaults(taken: Mapping[str, object], place: Place) -> object:
    return taken.get("report")


def _turnover(taken: Mapping[str, object], place: Place) -> object:
    if ("at" in taken) == ("messages" in taken):
        got = "both at and messages" if "at" in taken else "neither at nor messages"
        place.complain(f"got {got}, want one of the two")
        return UNFIT
    return msgspec.structs.replace(Turnover(""), **taken)


def _scenario(taken: Mapping[str, object], place: Place) -> ScenarioTable:
    changes = {_FIELDS.get(key, key): value for key, value in taken.items() if key not in _UNUSED}
    return msgspec.structs.replace(ScenarioTable(), **changes)


_UNUSED = frozenset({"$schema", "version"})
_FIELDS: Mapping[str, str] = {"defaults": "outlook"}
_DEFAULTS: Mapping[str, Entry] = {
    "report": Entry(REPORT, "What becomes of messages no rule says anything about: states in steps, or a mix."),
}
_TURNOVER: Mapping[str, Entry] = {
    "at": Entry(DURATION, "So long after the scenario was put to use, on the account's clock."),
    "messages": Entry(COUNT, "Once so many messages were accepted since the scenario was put to use."),
    "scenario": Entry(TEXT, "The scenario whose rules take over, by name or by path.", required=True),
}
_REFERENCE = "the name of a bundled scenario or the path of a file, or a list of them"
_TOP: Mapping[str, Entry] = {
    "$schema": Entry(TEXT, "Where editors find the JSON Schema of this format; means nothing else."),
    "version": Entry(
        Scalar(want=f"{VERSION}, the version of this format", read=_version, schema={"const": VERSION}),
        "The version of this format: 1.",
        required=True,
    ),
    "name": Entry(NAME, "What the scenario is called; the file's name without its ending unless said."),
    "about": Entry(
        Scalar(want="a text of one line", read=_line, schema={"type": "string", "minLength": 1}),
        "One line: which part of a client it exercises.",
    ),
    "seed": Entry(AMOUNT, "What every chance is drawn from, so that a run can be repeated."),
    "profile": Entry(choice(*PROFILES), "Which platform speaks: the document's, or the one observed."),
    "include": Entry(
        ListKind(want=_REFERENCE, item=TEXT, single=True),
        "Scenarios whose rules and faults come after the file's own, by name or by path.",
    ),
    "accounts": Entry(SAID_ACCOUNTS, "The customers, with the keys that accounts have in the configuration."),
    "defaults": Entry(
        RecordKind(
            want="a table such as {example}",
            entries=lambda: _DEFAULTS,
            make=_defaults,
            example={"report": {"mix": {"DELIVERED": 90, "UNDELIVERABLE": 10}}},
        ),
        "What holds where no rule does.",
    ),
    "rules": Entry(
        ListKind(want="a list of rules, such as {example}", item=RULE, example=[{"reply": "Busy"}]),
        "Rules for answers and reports; the first that fits decides for a destination.",
    ),
    "faults": Entry(
        ListKind(want="a list of faults, such as {example}", item=FAULT, example=[{"fault": "DRIBBLE"}]),
        "Trouble on the way to an answer; the first that fits befalls a request.",
    ),
    "timeline": Entry(
        ListKind(
            want="a list of changes, such as {example}",
            item=RecordKind(
                want="a table such as {example}",
                entries=lambda: _TURNOVER,
                make=_turnover,
                title="change",
                example={"at": "10m", "scenario": "blackout"},
                more={"oneOf": [{"required": ["at"]}, {"required": ["messages"]}]},
            ),
            example=[{"at": "10m", "scenario": "blackout"}],
        ),
        "Other scenarios that take over, in order of time.",
    ),
    "states": Entry(
        ListKind(
            want="a list of names, such as {example}", item=STATE_NAME, gather=_states, example=["open", "closed"]
        ),
        "Named states the rules can be in; they begin in the first.",
    ),
    "magic": Entry(ON_OFF, "off: numbers that end in a magic suffix are ordinary numbers."),
    "tls": Entry(TLS, "Listeners to open that show bad certificates or end handshakes."),
}

SCENARIO = RecordKind(want="a table", entries=lambda: _TOP, make=_scenario, lenient=True)
"""A `ScenarioTable`, of what fits."""
