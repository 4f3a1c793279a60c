"""Rules and faults as a scenario file says them: what reading gives back.

Reading: R21, R22.
"""

from collections.abc import Iterable, Mapping
from datetime import time
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.condition import Condition, Hours, Member, Ordinal, Words
from cloudsms_simulator.engine.rule_book import FaultRule, ReplyStep, Rule
from cloudsms_simulator.protocol.result_codes import RESULT_CODES, ResultCode, desc_of, written
from cloudsms_simulator.server.durations import duration_text
from cloudsms_simulator.server.report_values import delay_value, outlook_value
from cloudsms_simulator.server.toml_file import TomlValue

_Table = dict[str, TomlValue]
_EXACT = Words(equals="")
_GLOB = Words()
_MADE_UP = " "
"""In every id that comes of a place in a file, and in none that somebody wrote."""


def rule_value(rule: Rule | FaultRule) -> Mapping[str, TomlValue]:
    """A rule or a fault as a table of a file; an id that comes of its place in the file is left out."""
    table: _Table = {} if _MADE_UP in rule.id else {"id": rule.id}
    if rule.condition != Condition():
        table["match"] = condition_value(rule.condition)
    return {**table, **(_fault(rule) if isinstance(rule, FaultRule) else _rule(rule))}


def condition_value(condition: Condition) -> Mapping[str, TomlValue]:
    """A condition as a `match` says it."""
    table: _Table = {
        "to": _few(condition.to),
        "country": _few(sorted(condition.country)),
        "priority": _few(sorted(condition.priority)),
        "version": _few(sorted(condition.version)),
        "account": _few(sorted(condition.account)),
        "state": _few(sorted(condition.state)),
        "customer_body": {member.key: _member(member) for member in condition.customer_body},
        "all": [condition_value(each) for each in condition.all],
        "any": [condition_value(each) for each in condition.any],
        "not": [condition_value(each) for each in condition.none],
    }
    for key in ("route", "sender", "signature"):
        if (words := getattr(condition, key)) is not None:
            table[key] = _globs(words)
    if condition.content is not None:
        table["content"] = _exact(condition.content)
    if condition.item is not None:
        table["item"] = _ordinal(condition.item)
    if condition.time is not None:
        table["time"] = _hours(condition.time)
    table = {key: value for key, value in table.items() if value != [] and value != {}}
    if condition.request is not None:
        table.update(_ordinal(condition.request))
    if condition.probability is not None:
        table["probability"] = Decimal(repr(condition.probability))
    return table


def _rule(rule: Rule) -> _Table:
    table: _Table = {}
    if rule.scope != "destination":
        table["scope"] = rule.scope
    if rule.replies != (ReplyStep(),):
        *once, last = rule.replies
        table["reply"] = _few([*(_reply(step, 1) for step in once), _reply(last, None)])
    if rule.outlook is not None:
        table["report"] = outlook_value(rule.outlook)
    if rule.then is not None:
        table["then"] = rule.then
    return table


def _reply(step: ReplyStep, unless_said: int | None) -> TomlValue:
    table: _Table = {"code": _code(step.code)}
    if step.times is not None and step.times != unless_said:
        table["times"] = step.times
    if step.delay is not None:
        table["delay"] = delay_value(step.delay)
    return table if len(table) > 1 else table["code"]


def _code(code: ResultCode) -> str:
    """The name, or the number where the name is another's."""
    desc = desc_of(code)
    return desc if next(row.code for row in RESULT_CODES if row.desc == desc) == code else written(code)


def _fault(rule: FaultRule) -> _Table:
    table: _Table = {}
    if rule.fault is not None:
        table["fault"] = rule.fault.value
    if rule.delay is not None:
        table["delay"] = delay_value(rule.delay)
    if rule.processed is not None:
        table["processed"] = rule.processed
    if rule.times is not None:
        table["times"] = rule.times
    if rule.over is not None:
        table["over"] = duration_text(rule.over)
    return table


def _globs(words: Words) -> TomlValue:
    return _few(words.glob) if words == msgspec.structs.replace(_GLOB, glob=words.glob) else _words(words)


def _exact(words: Words) -> TomlValue:
    equals = words.equals
    return equals if equals is not None and words == msgspec.structs.replace(_EXACT, equals=equals) else _words(words)


def _words(words: Words) -> _Table:
    said = {key: getattr(words, key) for key in ("equals", "contains", "starts", "ends", "regex")}
    table: _Table = {key: value for key, value in said.items() if value is not None}
    if words.glob:
        table["glob"] = _few(words.glob)
    if words.ignore_case:
        table["ignore_case"] = True
    return table


def _member(member: Member) -> TomlValue:
    return True if member.words is None else _words(member.words)


def _ordinal(ordinal: Ordinal) -> _Table:
    table: _Table = {"nth": _few(sorted(ordinal.nth))} if ordinal.nth else {}
    return table if ordinal.every is None else {**table, "every": ordinal.every}


def _hours(hours: Hours) -> _Table:
    spans = {"after": hours.after, "before": hours.before}
    times = {"since": hours.since, "until": hours.until}
    return {
        **{key: duration_text(value) for key, value in spans.items() if value is not None},
        **{key: _time_of_day(value) for key, value in times.items() if value is not None},
    }


def _time_of_day(value: time) -> str:
    return value.isoformat("seconds" if value.second else "minutes")


def _few(values: Iterable[TomlValue]) -> TomlValue:
    """A list, or its one entry alone."""
    entries = list(values)
    return entries[0] if len(entries) == 1 else entries
