"""A part of a scenario: one file of it, read by itself."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from cloudsms_simulator.engine.rule_book import FaultRule, Rule
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.scenario_kinds import SCENARIO, ScenarioTable
from cloudsms_simulator.server.yaml_file import YamlFile, parse_yaml, read_yaml

_Named = TypeVar("_Named", Rule, FaultRule)
_PLACE = re.compile(r"(.+?):([0-9]+):([0-9]+): ")


class ScenarioPart(msgspec.Struct, frozen=True):
    """What one file says, and where."""

    path: Path
    file: YamlFile
    table: ScenarioTable

    @property
    def name(self) -> str:
        """What the file calls itself, else its own name without the ending."""
        return self.table.name or self.path.stem

    def place(self, problems: list[str]) -> Place:
        """The whole file, complaining to `problems`."""
        return Place(problems, self.file)

    def rules(self, prefix: str = "") -> tuple[Rule, ...]:
        """Its rules; those without an id are called `rule 3`, with the prefix, by their place in the file."""
        return tuple(_called(rule, f"{prefix}rule {place}") for place, rule in enumerate(self.table.rules, 1))

    def faults(self, prefix: str = "") -> tuple[FaultRule, ...]:
        """Its faults, likewise `fault 3`."""
        return tuple(_called(fault, f"{prefix}fault {place}") for place, fault in enumerate(self.table.faults, 1))


def read_part(path: Path, problems: list[str], text: str | None = None) -> ScenarioPart | None:
    """The file at a path, or a text that stands for it; its mistakes are added to the problems.

    None when it cannot be read at all. A part with mistakes is made of what is right.
    """
    try:
        file = read_yaml(path) if text is None else parse_yaml(text, str(path))
    except SettingsError as error:
        problems.extend(error.problems)
        return None
    problems.extend(file.problems)
    table = SCENARIO.take(file.values, Place(problems, file))
    return ScenarioPart(path, file, table if isinstance(table, ScenarioTable) else ScenarioTable())


def in_order(problems: Iterable[str]) -> tuple[str, ...]:
    """The problems, each once, file by file from the top down."""
    known = list(dict.fromkeys(problems))
    files = list(dict.fromkeys(_where(problem)[0] for problem in known))
    return tuple(sorted(known, key=lambda problem: (files.index(_where(problem)[0]), *_where(problem)[1:])))


def _where(problem: str) -> tuple[str, int, int]:
    found = _PLACE.match(problem)
    return (found[1], int(found[2]), int(found[3])) if found else ("", 0, 0)


def _called(rule: _Named, name: str) -> _Named:
    return rule if rule.id else msgspec.structs.replace(rule, id=name)
