"""A rule or a fault as somebody sends it by itself, to be added beside what an account plays.

Imports PyYAML, so import it lazily. Without an id it gets the first free one of `rule-1`, `rule-2`, …: chance is
drawn by id, so that what is added in the same order has the same luck. Its states are those there are wherever the
timeline has come to. Every mistake is told at once.

Reading: R21.
"""

from collections.abc import Iterator
from itertools import count

import msgspec

from cloudsms_simulator.config.problems import SettingsError, suggestion
from cloudsms_simulator.config.rule_schema import FAULT, RULE
from cloudsms_simulator.config.scenario_file import problems_in_order, warn_of_slow_match
from cloudsms_simulator.config.sources import Location
from cloudsms_simulator.config.yaml_source import YamlFile
from cloudsms_simulator.engine.rules import Condition, FaultRule, Rule
from cloudsms_simulator.models.account import RuleKind
from cloudsms_simulator.services.scenarios import ActiveScenario


def read_rule_body(file: YamlFile, kind: RuleKind, playing: ActiveScenario) -> Rule | FaultRule:
    """The rule or the fault that a file says and nothing else.

    Without an id it gets the first of `rule-1`, `rule-2`, … that is free: chance is drawn by id, so that what is laid
    down in the same order has the same luck. An id may be that of one it is to replace, but no other's; states are
    those there are wherever the timeline has come to. Raises SettingsError with every mistake.
    """
    problems = list(file.problems)
    place = Location(problems, file)
    rule = (RULE if kind == "rule" else FAULT).take(file.values, place)
    if isinstance(rule, Rule | FaultRule):
        _check_id(rule, playing, place)
        _check_states(rule, playing, place)
        if not rule.id:
            rule = msgspec.structs.replace(rule, id=_free_id(kind, playing))
    if problems or not isinstance(rule, Rule | FaultRule):
        raise SettingsError(problems_in_order(problems))
    return rule


def warnings_of(file: YamlFile) -> tuple[str, ...]:
    """What is worth a warning of a rule or a fault that is sent: lines, each with its place."""
    warnings: list[str] = []
    warn_of_slow_match(file.values.get("match"), Location(warnings, file) / "match")
    return problems_in_order(warnings)


def _check_id(rule: Rule | FaultRule, playing: ActiveScenario, place: Location) -> None:
    book = next((book.name for book in playing.books if rule.id in _ids(book.rules, book.faults)), None)
    if book is not None:
        (place / "id").error(f'got "{rule.id}", which the scenario "{book}" has, want an id of its own')
    others, what = (playing.own.faults, "a fault") if isinstance(rule, Rule) else (playing.own.rules, "a rule")
    if rule.id in _ids(others):
        (place / "id").error(f'got "{rule.id}", which {what} has, want an id of its own')


def _check_states(rule: Rule | FaultRule, playing: ActiveScenario, place: Location) -> None:
    known = playing.states
    listed = f"one of the states: {', '.join(known)}" if known else "none: the scenario has no states"
    if isinstance(rule, Rule) and rule.then is not None and rule.then not in known:
        (place / "then").error(f'got "{rule.then}", want {listed}{suggestion(rule.then, known)}')
    for state in dict.fromkeys(_states_asked_for(rule.condition)):
        if state not in known:
            (place / "match").error(f'got the state "{state}", want {listed}{suggestion(state, known)}')


def _states_asked_for(condition: Condition) -> Iterator[str]:
    """Every state a condition asks for."""
    yield from sorted(condition.state)
    for each in (*condition.all, *condition.any, *condition.none):
        yield from _states_asked_for(each)


def _free_id(kind: RuleKind, playing: ActiveScenario) -> str:
    taken = {*_ids(playing.own.rules, playing.own.faults)}
    taken.update(*(_ids(book.rules, book.faults) for book in playing.books))
    return next(name for name in (f"{kind}-{number}" for number in count(1)) if name not in taken)


def _ids(*rules: tuple[Rule, ...] | tuple[FaultRule, ...]) -> list[str]:
    return [rule.id for some in rules for rule in some]
