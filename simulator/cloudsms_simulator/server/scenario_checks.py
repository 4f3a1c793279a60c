"""What must hold among the rules of a scenario, its included files counting: ids, states, rules that can be reached."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from cloudsms_simulator.engine.condition import Condition
from cloudsms_simulator.server.expressions import slow_part
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.scenario_part import ScenarioPart
from cloudsms_simulator.server.toml_file import TomlValue


class PlacedRule(msgspec.Struct, frozen=True):
    """A rule or a fault, and where it stands."""

    id: str
    place: Place
    ends: bool
    """Whether it decides for everything for ever, so that nothing comes after it."""


def is_everything(condition: Condition) -> bool:
    """Whether a condition holds always."""
    to = () if "*" in condition.to else condition.to
    return msgspec.structs.replace(condition, to=to) == Condition()


def complain_of_doubles(parts: Sequence[ScenarioPart], problems: list[str]) -> None:
    """Complains of an id that two rules, or a rule and a fault, have; and of files that have one name."""
    first: dict[str, Place] = {}
    names: dict[str, ScenarioPart] = {}
    for part in parts:
        place = part.place(problems)
        for rule, here in _rules(part, problems):
            name = rule.get("id")
            if isinstance(name, str) and first.setdefault(name, here) is not here:
                (here / "id").complain(f'got "{name}", which {first[name].where} has, want an id of its own')
        if names.setdefault(part.name, part) is not part:
            other = names[part.name].path
            (place / "name").complain(f'got "{part.name}", which {other} has too, want a name of its own')


def complain_of_states(parts: Sequence[ScenarioPart], problems: list[str]) -> None:
    """Complains of states that rules name and no file has."""
    known = list(dict.fromkeys(state for part in parts for state in _texts(part.file.values.get("states"))))
    for part in parts:
        for state, place in _named(part, problems):
            if state not in known:
                place.complain(f'got "{state}", want one of the states{_listed(known)}{suggestion(state, known)}')


def complain_of_files(part: ScenarioPart, problems: list[str]) -> None:
    """Complains of files that accounts name, for a part that came from where there are none."""
    for index, account in enumerate(part.table.accounts):
        for key in ("ca", "client_cert", "client_key"):
            if getattr(account.settings.callback, key) is not None:
                place = part.place(problems) / "accounts" / index / "callback" / key
                place.complain("got a file, want it in the server's configuration: here no files can be named")


def warn_of_states(parts: Sequence[ScenarioPart], warnings: list[str]) -> None:
    """Warns of states that are never reached, and of those no rule asks for."""
    named = [(state, place.path[-1] == "then") for part in parts for state, place in _named(part, [])]
    reached = {state for state, by_then in named if by_then}
    asked = {state for state, by_then in named if not by_then}
    begin = next((state for part in parts for state in part.table.states), None)
    for part in parts:
        for index, state in enumerate(part.table.states):
            place = part.place(warnings) / "states" / index
            if state not in reached | asked and state != begin:
                place.complain(f'the state "{state}" is named by no rule')
            elif state not in reached and state != begin:
                place.complain(f'the state "{state}" is never reached: no rule says `then: {state}`')


def warn_of_slow_expressions(parts: Sequence[ScenarioPart], warnings: list[str]) -> None:
    """Warns of regular expressions that may take very long."""
    for part in parts:
        for rule, place in _rules(part, warnings):
            warn_of_slow_match(rule.get("match"), place / "match")


def warn_of_slow_match(condition: "TomlValue | None", place: Place) -> None:
    """Warns of those in one condition, as it is written."""
    if not isinstance(condition, Mapping):
        return
    for key, value in condition.items():
        here = place / key
        if key in ("all", "any", "not"):
            for index, each in enumerate(value if isinstance(value, list | tuple) else ()):
                warn_of_slow_match(each, here / index)
            warn_of_slow_match(value, here)
        elif key == "customer_body" and isinstance(value, Mapping):
            for name, words in value.items():
                _warn_of_slow_words(words, here / name)
        else:
            _warn_of_slow_words(value, here)


def _warn_of_slow_words(words: "TomlValue", place: Place) -> None:
    expression = words.get("regex") if isinstance(words, Mapping) else None
    slow = slow_part(expression) if isinstance(expression, str) else None
    if slow is not None:
        here = place / "regex"
        here.complain(
            f"{here.quoted(slow)} may take very long on a text that nearly fits, and nothing is answered meanwhile; "
            "want repeats of which no two can take the same characters"
        )


def warn_of_unreachable(rules: Sequence[PlacedRule]) -> None:
    """Warns of what stands after a rule that decides for everything."""
    end = next((index for index, rule in enumerate(rules) if rule.ends), len(rules))
    for rule in rules[end + 1 :]:
        rule.place.complain(f'"{rule.id}" is never reached: "{rules[end].id}" before it is for everything')


def _listed(known: Sequence[str]) -> str:
    return f": {', '.join(known)}" if known else "; there are none, so say states too"


def _texts(value: "TomlValue | None") -> list[str]:
    entries = value if isinstance(value, Sequence) and not isinstance(value, str) else []
    return [entry for entry in entries if isinstance(entry, str)]


def _rules(part: ScenarioPart, problems: list[str]) -> Iterator[tuple[Mapping[str, TomlValue], Place]]:
    """Every rule and fault as it is written, also when something about it is wrong."""
    for key in ("rules", "faults"):
        rules = part.file.values.get(key)
        if isinstance(rules, Sequence) and not isinstance(rules, str):
            for index, rule in enumerate(rules):
                if isinstance(rule, Mapping):
                    yield rule, part.place(problems) / key / index


def _named(part: ScenarioPart, problems: list[str]) -> Iterator[tuple[str, Place]]:
    """Every state that a file's rules name, and where."""
    for rule, place in _rules(part, problems):
        if isinstance(then := rule.get("then"), str):
            yield then, place / "then"
        yield from _matched(rule.get("match"), place / "match")


def _matched(condition: "TomlValue | None", place: Place) -> Iterator[tuple[str, Place]]:
    if not isinstance(condition, Mapping):
        return
    for key, value in condition.items():
        entries = [value] if isinstance(value, str | Mapping) else value if isinstance(value, Sequence) else []
        for index, entry in enumerate(entries):
            here = place / key / index
            if key == "state" and isinstance(entry, str):
                yield entry, here
            elif key in ("all", "any", "not"):
                yield from _matched(entry, here)
