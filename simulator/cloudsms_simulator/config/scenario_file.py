"""Scenario files: from a path to a `Scenario`, with every mistake of all files on the way.

Imports PyYAML, so import it lazily. `load_scenario` reads a file, those it includes and those of its timeline, each
once, and puts them together. What must hold across files is checked then: ids are unique, states that rules name
exist, no file leads back to itself. Warnings are rules that are never reached, states nothing leads to, and regular
expressions that may take very long.

Spec: none; `scenarios/README.md` is the reference of the format. Reading: R21, R22.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import TypeVar

import msgspec

from cloudsms_simulator.config import SettingsError, problems_in_order, suggestion
from cloudsms_simulator.config.account_schema import AccountOverrides
from cloudsms_simulator.config.match_schema import warn_of_slow_match
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenario, find_scenario
from cloudsms_simulator.config.scenario_schema import SCENARIO_TABLE, ScenarioTable, TimelineChange
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.config.yaml_source import YamlFile, parse_yaml, read_yaml
from cloudsms_simulator.engine.rules import Condition, FaultRule, Rule, RuleBook, RuleBookChange

# What one file says.

_Named = TypeVar("_Named", Rule, FaultRule)


class ScenarioFile(msgspec.Struct, frozen=True):
    """What one file says, and where."""

    path: Path
    file: YamlFile
    table: ScenarioTable

    @property
    def name(self) -> str:
        """What the file calls itself, else its own name without the ending."""
        return self.table.name or self.path.stem

    def location(self, problems: list[str]) -> Location:
        """The location of the whole file; what is wrong there is added to `problems`."""
        return Location(problems, self.file)

    def rules(self, prefix: str = "") -> tuple[Rule, ...]:
        """Its rules; those without an id are called `rule 3`, with the prefix, by their place in the file."""
        return tuple(_called(rule, f"{prefix}rule {number}") for number, rule in enumerate(self.table.rules, 1))

    def faults(self, prefix: str = "") -> tuple[FaultRule, ...]:
        """Its faults; those without an id are called `fault 3`, with the prefix."""
        return tuple(_called(fault, f"{prefix}fault {number}") for number, fault in enumerate(self.table.faults, 1))


def read_scenario_file(path: Path, problems: list[str], text: str | None = None) -> ScenarioFile | None:
    """Reads the file at a path, or a text that stands for it; its mistakes are added to the problems.

    None when it cannot be read at all. Of a file with mistakes comes what is right.
    """
    try:
        file = read_yaml(path) if text is None else parse_yaml(text, str(path))
    except SettingsError as error:
        problems.extend(error.problems)
        return None
    problems.extend(file.problems)
    table = SCENARIO_TABLE.take(file.values, Location(problems, file))
    return ScenarioFile(path, file, table if isinstance(table, ScenarioTable) else ScenarioTable())


def _called(rule: _Named, name: str) -> _Named:
    return rule if rule.id else msgspec.structs.replace(rule, id=name)


# From a path or a text to a scenario.

_Value = TypeVar("_Value")
_DEEPEST = 20
"""How many files may lead from one to the next."""


def load_scenario(path: Path) -> Scenario:
    """The scenario in a file. Raises SettingsError with every mistake, those of included files too."""
    return _loaded(path, None)


def parse_scenario(text: str, name: str = "scenario.yaml", *, bundled_only: bool = False) -> Scenario:
    """The scenario a text says, as if it stood in a file of that name. Raises SettingsError likewise.

    `bundled_only`: the text came from somewhere else, so that it may name bundled scenarios and no files.
    """
    return _loaded(Path(name), text, bundled_only=bundled_only)


def _loaded(path: Path, text: str | None, *, bundled_only: bool = False) -> Scenario:
    loader = _ScenarioLoader(bundled_only)
    scenario = loader.scenario(path, (), text)
    if loader.problems or scenario is None:
        raise SettingsError(problems_in_order(loader.problems))
    return scenario


class _ScenarioLoader:
    """Reads a file and all it leads to, each file once."""

    def __init__(self, bundled_only: bool) -> None:
        self.problems: list[str] = []
        self._bundled_only = bundled_only
        self._parts: dict[Path, ScenarioFile | None] = {}
        self._scenarios: dict[Path, Scenario | None] = {}

    def scenario(self, path: Path, trail: tuple[Path, ...], text: str | None = None) -> Scenario | None:
        """Makes the scenario of a file, with its includes and its timeline; None when it cannot be read."""
        key = path.resolve()
        if key not in self._scenarios:
            part = self._part(path, text)
            self._scenarios[key] = None if part is None else self._assembled(part, trail)
        return self._scenarios[key]

    def _part(self, path: Path, text: str | None = None) -> ScenarioFile | None:
        key = path.resolve()
        if key not in self._parts:
            part = self._parts[key] = read_scenario_file(path, self.problems, text)
            if part is not None and self._bundled_only:
                check_no_file_is_named(part, self.problems)
        return self._parts[key]

    def _assembled(self, part: ScenarioFile, trail: tuple[Path, ...]) -> Scenario:
        parts: list[ScenarioFile] = []
        self._collect(part, trail, parts)
        rules = tuple(chain.from_iterable(each.rules(_prefix(each, part)) for each in parts))
        faults = tuple(chain.from_iterable(each.faults(_prefix(each, part)) for each in parts))
        check_unique_ids(parts, self.problems)
        check_states(parts, self.problems)
        warnings: list[str] = []
        warn_of_states(parts, warnings)
        warn_of_slow_expressions(parts, warnings)
        for key in ("rules", "faults"):
            warn_of_unreachable(list(_placed(parts, part, key, warnings)))
        timed = next((each for each in parts if each.table.timeline), part)
        timeline, others = self._timeline(timed, (*trail, part.path), warnings)
        magic = _first(each.table.magic for each in parts)
        book = RuleBook(
            name=part.name,
            rules=rules,
            faults=faults,
            outlook=next((each.table.outlook for each in parts if each.table.outlook is not None), None),
            states=tuple(dict.fromkeys(chain.from_iterable(each.table.states for each in parts))),
            magic=True if magic is None else magic,
            timeline=timeline,
        )
        return Scenario(
            name=part.name,
            path=part.path,
            about=part.table.about,
            seed=_first(each.table.seed for each in parts),
            profile=_first(each.table.profile for each in parts),
            accounts=_accounts(parts),
            book=book,
            tls=tuple(dict.fromkeys(chain.from_iterable(each.table.tls for each in parts))),
            warnings=problems_in_order([*warnings, *chain.from_iterable(other.warnings for other in others)]),
            files=tuple(dict.fromkeys(chain((each.path for each in parts), *(other.files for other in others)))),
            origins={key: each.file.line((key,)) for each in reversed(parts) for key in each.file.values},
        )

    def _collect(self, part: ScenarioFile, trail: tuple[Path, ...], parts: list[ScenarioFile]) -> None:
        """Adds a file, then those it includes, each once."""
        parts.append(part)
        for index, said in enumerate(part.table.include):
            path = self._found(said, part.location(self.problems) / "include" / index, (*trail, part.path))
            included = None if path is None else self._part(path)
            if included is not None and not any(included is each for each in parts):
                self._collect(included, (*trail, part.path), parts)

    def _timeline(
        self, part: ScenarioFile, trail: tuple[Path, ...], warnings: list[str]
    ) -> tuple[tuple[RuleBookChange, ...], tuple[Scenario, ...]]:
        changes: list[RuleBookChange] = []
        others: list[Scenario] = []
        location = part.location(self.problems) / "timeline"
        _check_order(part.table.timeline, location)
        for index, change in enumerate(part.table.timeline):
            path = self._found(change.scenario, location / index / "scenario", trail)
            other = None if path is None else self.scenario(path, trail)
            if other is None:
                continue
            if other.accounts or other.profile or other.tls:
                (part.location(warnings) / "timeline" / index / "scenario").error(
                    f'only the rules of "{other.name}" take over; its accounts, profile and tls mean nothing here'
                )
            changes.append(RuleBookChange(book=other.book, at=change.at, messages=change.messages))
            others.append(other)
        return tuple(changes), tuple(others)

    def _found(self, said: str, location: Location, trail: tuple[Path, ...]) -> Path | None:
        """Returns the file of a scenario that another names; notes an error, and returns None, when there is none or it
        leads in a circle."""
        try:
            path = bundled_scenario(said) if self._bundled_only else find_scenario(said, location.folder)
        except SettingsError as error:
            location.error(str(error))
            return None
        passed = [each.resolve() for each in trail]
        if path.resolve() in passed:
            circle = " → ".join(each.name for each in (*trail[passed.index(path.resolve()) :], path))
            location.error(f"leads back to itself: {circle}")
            return None
        if len(trail) >= _DEEPEST:
            location.error(f"is the end of a chain of more than {_DEEPEST} files, want a shorter one")
            return None
        return path


def _prefix(part: ScenarioFile, main: ScenarioFile) -> str:
    return "" if part is main else f"{part.name} "


def _accounts(parts: Sequence[ScenarioFile]) -> tuple[AccountOverrides, ...]:
    accounts: dict[str, AccountOverrides] = {}
    for account in chain.from_iterable(part.table.accounts for part in parts):
        name = account.settings.name
        accounts[name] = accounts[name].before(account) if name in accounts else account
    return tuple(accounts.values())


def _check_order(timeline: Sequence[TimelineChange], location: Location) -> None:
    """Notes an error for a change that comes no later than the one written before it, and would never be seen."""
    for index, (earlier, later) in enumerate(pairwise(timeline), 1):
        if earlier.at is not None and later.at is not None and later.at <= earlier.at:
            (location / index / "at").error("got a time that is not later than the one before, want them in order")
        if earlier.messages is not None and later.messages is not None and later.messages <= earlier.messages:
            (location / index / "messages").error("got no more than the one before, want them in order")


def _first(values: Iterator[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


# What must hold across files.


def check_unique_ids(parts: Sequence[ScenarioFile], problems: list[str]) -> None:
    """Notes an error for an id that two rules, or a rule and a fault, have; and for files that have one name."""
    first: dict[str, Location] = {}
    names: dict[str, ScenarioFile] = {}
    for part in parts:
        location = part.location(problems)
        for rule, here in _rules(part, problems):
            name = rule.get("id")
            if isinstance(name, str) and first.setdefault(name, here) is not here:
                (here / "id").error(f'got "{name}", which {first[name].where} has, want an id of its own')
        if names.setdefault(part.name, part) is not part:
            other = names[part.name].path
            (location / "name").error(f'got "{part.name}", which {other} has too, want a name of its own')


def check_states(parts: Sequence[ScenarioFile], problems: list[str]) -> None:
    """Notes an error for each state that rules name and no file has."""
    known = list(dict.fromkeys(state for part in parts for state in _texts(part.file.values.get("states"))))
    for part in parts:
        for state, location in _named(part, problems):
            if state not in known:
                location.error(f'got "{state}", want one of the states{_listed(known)}{suggestion(state, known)}')


def check_no_file_is_named(part: ScenarioFile, problems: list[str]) -> None:
    """Notes an error for each file that accounts name in a text that came from where there are no files."""
    for index, account in enumerate(part.table.accounts):
        for key in ("ca", "client_cert", "client_key"):
            if getattr(account.settings.callback, key) is not None:
                location = part.location(problems) / "accounts" / index / "callback" / key
                location.error("got a file, want it in the server's configuration: here no files can be named")


def warn_of_states(parts: Sequence[ScenarioFile], warnings: list[str]) -> None:
    """Warns of states that are never reached, and of those no rule asks for."""
    named = [(state, location.path[-1] == "then") for part in parts for state, location in _named(part, [])]
    reached = {state for state, by_then in named if by_then}
    asked = {state for state, by_then in named if not by_then}
    begin = next((state for part in parts for state in part.table.states), None)
    for part in parts:
        for index, state in enumerate(part.table.states):
            location = part.location(warnings) / "states" / index
            if state not in reached | asked and state != begin:
                location.error(f'the state "{state}" is named by no rule')
            elif state not in reached and state != begin:
                location.error(f'the state "{state}" is never reached: no rule says `then: {state}`')


def warn_of_slow_expressions(parts: Sequence[ScenarioFile], warnings: list[str]) -> None:
    """Warns of regular expressions that may take very long."""
    for part in parts:
        for rule, location in _rules(part, warnings):
            warn_of_slow_match(rule.get("match"), location / "match")


class PlacedRule(msgspec.Struct, frozen=True):
    """A rule or a fault, and where it stands."""

    id: str
    location: Location
    ends: bool
    """Whether it decides for everything for ever, so that nothing comes after it."""


def _placed(parts: Sequence[ScenarioFile], main: ScenarioFile, key: str, problems: list[str]) -> Iterator[PlacedRule]:
    for part in parts:
        location = part.location(problems) / key
        if key == "rules":
            for index, rule in enumerate(part.rules(_prefix(part, main))):
                ends = matches_everything(rule.condition) and rule.replies[-1].times is None
                yield PlacedRule(rule.id, location / index, ends)
        else:
            for index, fault in enumerate(part.faults(_prefix(part, main))):
                yield PlacedRule(
                    fault.id, location / index, matches_everything(fault.condition) and fault.times is None
                )


def matches_everything(condition: Condition) -> bool:
    """Tells whether a condition always holds."""
    to = () if "*" in condition.to else condition.to
    return msgspec.structs.replace(condition, to=to) == Condition()


def warn_of_unreachable(rules: Sequence[PlacedRule]) -> None:
    """Warns of what stands after a rule that decides for everything."""
    end = next((index for index, rule in enumerate(rules) if rule.ends), len(rules))
    for rule in rules[end + 1 :]:
        rule.location.error(f'"{rule.id}" is never reached: "{rules[end].id}" before it is for everything')


def _listed(known: Sequence[str]) -> str:
    return f": {', '.join(known)}" if known else "; there are none, so say states too"


def _texts(value: "TomlValue | None") -> list[str]:
    entries = value if isinstance(value, Sequence) and not isinstance(value, str) else []
    return [entry for entry in entries if isinstance(entry, str)]


def _rules(part: ScenarioFile, problems: list[str]) -> Iterator[tuple[Mapping[str, TomlValue], Location]]:
    """Yields every rule and fault as it is written, also when something about it is wrong, and where."""
    for key in ("rules", "faults"):
        rules = part.file.values.get(key)
        if isinstance(rules, Sequence) and not isinstance(rules, str):
            for index, rule in enumerate(rules):
                if isinstance(rule, Mapping):
                    yield rule, part.location(problems) / key / index


def _named(part: ScenarioFile, problems: list[str]) -> Iterator[tuple[str, Location]]:
    """Yields every state that a file's rules name, and where."""
    for rule, location in _rules(part, problems):
        if isinstance(then := rule.get("then"), str):
            yield then, location / "then"
        yield from _matched(rule.get("match"), location / "match")


def _matched(condition: "TomlValue | None", location: Location) -> Iterator[tuple[str, Location]]:
    if not isinstance(condition, Mapping):
        return
    for key, value in condition.items():
        entries = [value] if isinstance(value, str | Mapping) else value if isinstance(value, Sequence) else []
        for index, entry in enumerate(entries):
            here = location / key / index
            if key == "state" and isinstance(entry, str):
                yield entry, here
            elif key in ("all", "any", "not"):
                yield from _matched(entry, here)
