"""Rules and faults as a scenario file says them, read and written back.

`RULE` reads what is replied and what becomes of the messages; `FAULT` reads what goes wrong with an answer, or with
TLS. `rule_value` writes either of them back as a table of a file: what reading gives back. The names of faults are
those that users of HTTP test doubles know.

Spec: RESULT_CODE and RESULT_DESC. Reading: R21, R22.
"""

from collections.abc import Iterable, Mapping
from datetime import time
from decimal import Decimal

import msgspec

from cloudsms_simulator.config.account_schema import NAME
from cloudsms_simulator.config.match_schema import MATCH, PROBABILITY, STATE_NAME
from cloudsms_simulator.config.outcome_schema import REPORT, delay_value, outlook_value
from cloudsms_simulator.config.schema import (
    INVALID,
    ListType,
    OneOfType,
    RecordType,
    ScalarType,
    Schema,
    TableKey,
    word_type,
    words_schema,
)
from cloudsms_simulator.config.sources import Location, TomlValue
from cloudsms_simulator.config.values import (
    CODE_NAMES,
    COUNT,
    DELAY,
    ON_OFF,
    POSITIVE_DURATION,
    WANT_CODE,
    choice_type,
    code_of_value,
)
from cloudsms_simulator.engine.faults import UNPROCESSED, Fault, TlsTrouble
from cloudsms_simulator.engine.rules import (
    Condition,
    FaultRule,
    MemberMatch,
    Ordinal,
    ReplyStep,
    Rule,
    TextMatch,
    TimeWindow,
)
from cloudsms_simulator.models.durations import duration_text
from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCode, desc_of, hex_code

# Rules, as they are read.


def _one_reply(value: TomlValue) -> ReplyStep:
    return ReplyStep(code_of_value(value))


def _read_reply(taken: Mapping[str, object], location: Location) -> ReplyStep:
    return msgspec.structs.replace(ReplyStep(), **taken)


def _replies(steps: tuple[object, ...]) -> tuple[ReplyStep, ...]:
    """Returns the steps in their order; each but the last is used once unless it says how often."""
    replies = [step for step in steps if isinstance(step, ReplyStep)]
    once = [msgspec.structs.replace(step, times=step.times or 1) for step in replies[:-1]]
    return (*once, *replies[-1:])


def _read_rule(taken: Mapping[str, object], location: Location) -> Rule:
    return msgspec.structs.replace(Rule(id=""), **{_RULE_FIELDS.get(key, key): value for key, value in taken.items()})


_RULE_FIELDS: Mapping[str, str] = {"match": "condition", "reply": "replies", "report": "outlook"}
_CODE_SCHEMA: Schema = {
    "anyOf": [
        words_schema(CODE_NAMES),
        {"enum": [int(code) for code in ResultCode]},
        {"type": "string", "pattern": "^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$"},
    ]
}
CODE = ScalarType(want=WANT_CODE, read=code_of_value, example="Busy", schema=_CODE_SCHEMA, title="code")
_STEP: Mapping[str, TableKey] = {
    "code": TableKey(CODE, "The result code, by name or by number; OK unless said."),
    "times": TableKey(COUNT, "How often each recipient gets it. Unless said: the last for ever, the others once."),
    "delay": TableKey(DELAY, "How long the answer takes, in wall time."),
}
_REPLY_TABLE = RecordType(
    want="a table such as {example}",
    entries=lambda: _STEP,
    make=_read_reply,
    title="reply",
    example={"code": "Busy", "times": 2},
)
_REPLY_CODE = ScalarType(want=WANT_CODE, read=_one_reply, schema=_CODE_SCHEMA, title="code")
_STEPS = OneOfType(
    want="a result code, or a table such as {example}",
    example={"code": "Busy", "times": 2},
    single=_REPLY_CODE,
    table=_REPLY_TABLE,
)
REPLY = ListType(
    want="a result code, a table such as {example}, or a list of them",
    item=_STEPS,
    gather=_replies,
    single=True,
    least=1,
    example={"code": "Busy", "times": 2},
)
"""Reads `ReplyStep`s."""

RULE_ID = ScalarType(
    want="a name of 1 to 64 letters, digits, dots, dashes and underscores",
    read=NAME.read,
    example="busy-then-ok",
    schema=NAME.schema,
)
_RULE: Mapping[str, TableKey] = {
    "id": TableKey(RULE_ID, "What the rule is called in the journal; by its place in the file unless said."),
    "match": TableKey(MATCH, "Which destinations it is for; all of them without it."),
    "scope": TableKey(
        choice_type("destination", "packet"), "packet: a destination that is refused has the whole packet refused."
    ),
    "reply": TableKey(REPLY, "What is answered: a code, or one code after the other; OK unless said."),
    "report": TableKey(REPORT, "What becomes of the messages: states in steps, or a mix."),
    "then": TableKey(STATE_NAME, "The state the account's rules are in once this rule has decided."),
}
RULE = RecordType(
    want="a table such as {example}",
    entries=lambda: _RULE,
    make=_read_rule,
    title="rule",
    example={"id": "busy", "match": {"to": "852*"}, "reply": "Busy"},
)
"""Reads a `Rule`; its id is empty when none is said."""


# Faults, as they are read.


def _read_fault(taken: Mapping[str, object], location: Location) -> object:
    changes = {_FAULT_FIELDS.get(key, key): value for key, value in taken.items() if key != "probability"}
    rule = msgspec.structs.replace(FaultRule(id=""), **changes)
    if rule.fault is None and rule.delay is None:
        location.error("got neither fault nor delay, want one of them or both")
        return INVALID
    if not _processed_fits(rule, location) or not _over_fits(rule, location):
        return INVALID
    if "probability" not in taken:
        return rule
    if rule.condition.probability is not None:
        (location / "probability").error("got one beside that of match, want one of the two")
        return INVALID
    condition = msgspec.structs.replace(rule.condition, probability=taken["probability"])
    return msgspec.structs.replace(rule, condition=condition)


def _processed_fits(rule: FaultRule, location: Location) -> bool:
    if rule.processed is None or rule.fault in UNPROCESSED or (rule.processed and rule.fault is not None):
        return True
    what = "a delay alone" if rule.fault is None else rule.fault
    (location / "processed").error(
        f"got it with {what}, which wants a request that was processed; want it with {', '.join(sorted(UNPROCESSED))}"
    )
    return False


def _over_fits(rule: FaultRule, location: Location) -> bool:
    if rule.over is None:
        return True
    if rule.fault is None or not rule.fault.effect.lasts:
        what = "a delay alone" if rule.fault is None else rule.fault
        lasting = " or ".join(sorted(fault for fault in Fault if fault.effect.lasts))
        (location / "over").error(f"got it with {what}, want it only with {lasting}")
        return False
    longest = rule.fault.effect.longest
    if longest is not None and rule.over > longest:
        (location / "over").error(f"got more than {longest.seconds}s, want that at most: no connection hangs longer")
        return False
    return True


_FAULT_FIELDS: Mapping[str, str] = {"match": "condition"}
_FAULT: Mapping[str, TableKey] = {
    "id": TableKey(RULE_ID, "What the fault is called in the journal; by its place in the file unless said."),
    "match": TableKey(MATCH, "Which requests it befalls: those of which a destination fits; all without it."),
    "probability": TableKey(PROBABILITY, "The chance, from 0 to 1; short for a match that says only this."),
    "fault": TableKey(
        word_type({fault.value: fault for fault in Fault}), "What goes wrong; without it the answer is only late."
    ),
    "delay": TableKey(DELAY, "How long it takes before the answer, or before the fault, in wall time."),
    "processed": TableKey(ON_OFF, "true: the request has its effect before a fault that usually comes first."),
    "times": TableKey(COUNT, "How many requests with the same first recipient it befalls; all that fit unless said."),
    "over": TableKey(
        POSITIVE_DURATION, "How long a DRIBBLE takes, or ACCEPT_THEN_HANG holds the connection, in wall time."
    ),
}
FAULT = RecordType(
    want="a table such as {example}",
    entries=lambda: _FAULT,
    make=_read_fault,
    title="fault",
    example={"fault": "EMPTY_RESPONSE", "probability": 1},
    more={"anyOf": [{"required": ["fault"]}, {"required": ["delay"]}]},
)
"""Reads a `FaultRule`; its id is empty when none is said."""

TLS_FAULTS = ListType(
    want="one of {example}, or a list of them",
    item=word_type({fault.value: fault for fault in TlsTrouble}),
    gather=lambda faults: tuple(dict.fromkeys(faults)),
    single=True,
    example=[fault.value for fault in TlsTrouble],
)
"""Reads `TlsTrouble`s, each once."""


# Rules and faults, written back.

_Table = dict[str, TomlValue]
_EXACT = TextMatch(equals="")
_GLOB = TextMatch()
_ID_BY_PLACE = " "
"""Every id that was made of a place in a file, such as `rule 3`, holds it; no id that somebody wrote does."""


def rule_value(rule: Rule | FaultRule) -> Mapping[str, TomlValue]:
    """Returns a rule or a fault as a table of a file; an id that was made of its place in the file is left out."""
    table: _Table = {} if _ID_BY_PLACE in rule.id else {"id": rule.id}
    if rule.condition != Condition():
        table["match"] = condition_value(rule.condition)
    return {**table, **(_fault_table(rule) if isinstance(rule, FaultRule) else _rule_table(rule))}


def condition_value(condition: Condition) -> Mapping[str, TomlValue]:
    """Returns a condition as a `match` says it."""
    table: _Table = {
        "to": _list_or_single(condition.to),
        "country": _list_or_single(sorted(condition.country)),
        "priority": _list_or_single(sorted(condition.priority)),
        "version": _list_or_single(sorted(condition.version)),
        "account": _list_or_single(sorted(condition.account)),
        "state": _list_or_single(sorted(condition.state)),
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
        table["item"] = _ordinal_table(condition.item)
    if condition.time is not None:
        table["time"] = _hours_table(condition.time)
    table = {key: value for key, value in table.items() if value != [] and value != {}}
    if condition.request is not None:
        table.update(_ordinal_table(condition.request))
    if condition.probability is not None:
        table["probability"] = Decimal(repr(condition.probability))
    return table


def _rule_table(rule: Rule) -> _Table:
    table: _Table = {}
    if rule.scope != "destination":
        table["scope"] = rule.scope
    if rule.replies != (ReplyStep(),):
        *once, last = rule.replies
        table["reply"] = _list_or_single([*(_reply_value(step, 1) for step in once), _reply_value(last, None)])
    if rule.outlook is not None:
        table["report"] = outlook_value(rule.outlook)
    if rule.then is not None:
        table["then"] = rule.then
    return table


def _reply_value(step: ReplyStep, unless_said: int | None) -> TomlValue:
    table: _Table = {"code": _code(step.code)}
    if step.times is not None and step.times != unless_said:
        table["times"] = step.times
    if step.delay is not None:
        table["delay"] = delay_value(step.delay)
    return table if len(table) > 1 else table["code"]


def _code(code: ResultCode) -> str:
    """Returns the name of a code, or its number where another code has the same name."""
    desc = desc_of(code)
    return desc if next(row.code for row in RESULT_CODES if row.desc == desc) == code else hex_code(code)


def _fault_table(rule: FaultRule) -> _Table:
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


def _globs(words: TextMatch) -> TomlValue:
    return (
        _list_or_single(words.glob) if words == msgspec.structs.replace(_GLOB, glob=words.glob) else _words_table(words)
    )


def _exact(words: TextMatch) -> TomlValue:
    equals = words.equals
    return (
        equals
        if equals is not None and words == msgspec.structs.replace(_EXACT, equals=equals)
        else _words_table(words)
    )


def _words_table(words: TextMatch) -> _Table:
    said = {key: getattr(words, key) for key in ("equals", "contains", "starts", "ends", "regex")}
    table: _Table = {key: value for key, value in said.items() if value is not None}
    if words.glob:
        table["glob"] = _list_or_single(words.glob)
    if words.ignore_case:
        table["ignore_case"] = True
    return table


def _member(member: MemberMatch) -> TomlValue:
    return True if member.words is None else _words_table(member.words)


def _ordinal_table(ordinal: Ordinal) -> _Table:
    table: _Table = {"nth": _list_or_single(sorted(ordinal.nth))} if ordinal.nth else {}
    return table if ordinal.every is None else {**table, "every": ordinal.every}


def _hours_table(window: TimeWindow) -> _Table:
    spans = {"after": window.after, "before": window.before}
    times = {"since": window.since, "until": window.until}
    return {
        **{key: duration_text(value) for key, value in spans.items() if value is not None},
        **{key: _time_text(value) for key, value in times.items() if value is not None},
    }


def _time_text(value: time) -> str:
    return value.isoformat("seconds" if value.second else "minutes")


def _list_or_single(values: Iterable[TomlValue]) -> TomlValue:
    """Returns the values as a list, or a single value alone."""
    entries = list(values)
    return entries[0] if len(entries) == 1 else entries
