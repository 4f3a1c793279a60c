"""Scenario files: from a path to a scenario, with every mistake of all files on the way.

Spec: none; `scenarios/README.md` is the reference of the format. Reading: R21, R22.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import TypeVar

from cloudsms_simulator.engine.rule_book import Change, RuleBook
from cloudsms_simulator.server.account_settings import SaidAccount
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.scenario_checks import (
    PlacedRule,
    complain_of_doubles,
    complain_of_files,
    complain_of_states,
    is_everything,
    warn_of_slow_expressions,
    warn_of_states,
    warn_of_unreachable,
)
from cloudsms_simulator.server.scenario_folder import bundled_scenario, find_scenario
from cloudsms_simulator.server.scenario_kinds import Turnover
from cloudsms_simulator.server.scenario_part import ScenarioPart, in_order, read_part

_T = TypeVar("_T")
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
    loading = _Loading(bundled_only)
    scenario = loading.scenario(path, (), text)
    if loading.problems or scenario is None:
        raise SettingsError(in_order(loading.problems))
    return scenario


class _Loading:
    """Reads a file and all it leads to, each file once."""

    def __init__(self, bundled_only: bool) -> None:
        self.problems: list[str] = []
        self._bundled_only = bundled_only
        self._parts: dict[Path, ScenarioPart | None] = {}
        self._scenarios: dict[Path, Scenario | None] = {}

    def scenario(self, path: Path, trail: tuple[Path, ...], text: str | None = None) -> Scenario | None:
        """What a file makes with its includes and its timeline; None when it cannot be read."""
        key = path.resolve()
        if key not in self._scenarios:
            part = self._part(path, text)
            self._scenarios[key] = None if part is None else self._assembled(part, trail)
        return self._scenarios[key]

    def _part(self, path: Path, text: str | None = None) -> ScenarioPart | None:
        key = path.resolve()
        if key not in self._parts:
            part = self._parts[key] = read_part(path, self.problems, text)
            if part is not None and self._bundled_only:
                complain_of_files(part, self.problems)
        return self._parts[key]

    def _assembled(self, part: ScenarioPart, trail: tuple[Path, ...]) -> Scenario:
        parts: list[ScenarioPart] = []
        self._collect(part, trail, parts)
        rules = tuple(chain.from_iterable(each.rules(_prefix(each, part)) for each in parts))
        faults = tuple(chain.from_iterable(each.faults(_prefix(each, part)) for each in parts))
        complain_of_doubles(parts, self.problems)
        complain_of_states(parts, self.problems)
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
            warnings=in_order([*warnings, *chain.from_iterable(other.warnings for other in others)]),
            files=tuple(dict.fromkeys(chain((each.path for each in parts), *(other.files for other in others)))),
            origins={key: each.file.line((key,)) for each in reversed(parts) for key in each.file.values},
        )

    def _collect(self, part: ScenarioPart, trail: tuple[Path, ...], parts: list[ScenarioPart]) -> None:
        """Adds a file, then those it includes, each once."""
        parts.append(part)
        for index, said in enumerate(part.table.include):
            path = self._found(said, part.place(self.problems) / "include" / index, (*trail, part.path))
            included = None if path is None else self._part(path)
            if included is not None and not any(included is each for each in parts):
                self._collect(included, (*trail, part.path), parts)

    def _timeline(
        self, part: ScenarioPart, trail: tuple[Path, ...], warnings: list[str]
    ) -> tuple[tuple[Change, ...], tuple[Scenario, ...]]:
        changes: list[Change] = []
        others: list[Scenario] = []
        place = part.place(self.problems) / "timeline"
        _complain_of_order(part.table.timeline, place)
        for index, turnover in enumerate(part.table.timeline):
            path = self._found(turnover.scenario, place / index / "scenario", trail)
            other = None if path is None else self.scenario(path, trail)
            if other is None:
                continue
            if other.accounts or other.profile or other.tls:
                (part.place(warnings) / "timeline" / index / "scenario").complain(
                    f'only the rules of "{other.name}" take over; its accounts, profile and tls mean nothing here'
                )
            changes.append(Change(book=other.book, at=turnover.at, messages=turnover.messages))
            others.append(other)
        return tuple(changes), tuple(others)

    def _found(self, said: str, place: Place, trail: tuple[Path, ...]) -> Path | None:
        """The file of a scenario that another speaks of; complains when there is none, or when it leads in a circle."""
        try:
            path = bundled_scenario(said) if self._bundled_only else find_scenario(said, place.folder)
        except SettingsError as error:
            place.complain(str(error))
            return None
        passed = [each.resolve() for each in trail]
        if path.resolve() in passed:
            circle = " → ".join(each.name for each in (*trail[passed.index(path.resolve()) :], path))
            place.complain(f"leads back to itself: {circle}")
            return None
        if len(trail) >= _DEEPEST:
            place.complain(f"is the end of a chain of more than {_DEEPEST} files, want a shorter one")
            return None
        return path


def _prefix(part: ScenarioPart, main: ScenarioPart) -> str:
    return "" if part is main else f"{part.name} "


def _placed(parts: Sequence[ScenarioPart], main: ScenarioPart, key: str, problems: list[str]) -> Iterator[PlacedRule]:
    for part in parts:
        place = part.place(problems) / key
        if key == "rules":
            for index, rule in enumerate(part.rules(_prefix(part, main))):
                ends = is_everything(rule.condition) and rule.replies[-1].times is None
                yield PlacedRule(rule.id, place / index, ends)
        else:
            for index, fault in enumerate(part.faults(_prefix(part, main))):
                yield PlacedRule(fault.id, place / index, is_everything(fault.condition) and fault.times is None)


def _accounts(parts: Sequence[ScenarioPart]) -> tuple[SaidAccount, ...]:
    accounts: dict[str, SaidAccount] = {}
    for account in chain.from_iterable(part.table.accounts for part in parts):
        name = account.settings.name
        accounts[name] = accounts[name].before(account) if name in accounts else account
    return tuple(accounts.values())


def _complain_of_order(timeline: Sequence[Turnover], place: Place) -> None:
    """A change that comes before one that stands before it would never be seen."""
    for index, (earlier, later) in enumerate(pairwise(timeline), 1):
        if earlier.at is not None and later.at is not None and later.at <= earlier.at:
            (place / index / "at").complain("got a time that is not later than the one before, want them in order")
        if earlier.messages is not None and later.messages is not None and later.messages <= earlier.messages:
            (place / index / "messages").complain("got no more than the one before, want them in order")


def _first(values: Iterator[_T | None]) -> _T | None:
    return next((value for value in values if value is not None), None)
