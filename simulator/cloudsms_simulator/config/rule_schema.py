"""Rules and faults as a scenario file says them, read and written back.

`RULE` is what is replied and what becomes of the messages; `FAULT` is what goes wrong with an answer. An id that was
made of a place in a file is not written. The names of faults are those that users of HTTP test doubles know.

Spec: RESULT_CODE and RESULT_DESC. Reading: R21, R22.
"""

from collections.abc import Iterable, Mapping

import msgspec

from cloudsms_simulator.config.account_schema import NAME
from cloudsms_simulator.config.match_schema import MATCH, PROBABILITY, STATE_NAME
from cloudsms_simulator.config.outcome_schema import REPORT
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
    written_code,
)
from cloudsms_simulator.engine.faults import UNPROCESSED, Fault, TlsTrouble
from cloudsms_simulator.engine.rules import (
    FaultRule,
    ReplyStep,
    Rule,
)
from cloudsms_simulator.protocol.codes import ResultCode

# Rules, as they are read.


def _one_reply(value: TomlValue) -> ReplyStep:
    return ReplyStep(code_of_value(value))


def _written_reply(step: object) -> TomlValue:
    if not isinstance(step, ReplyStep) or step != ReplyStep(step.code):
        raise TypeError("more is said than a code")
    return written_code(step.code)


def _replies(steps: tuple[object, ...]) -> tuple[ReplyStep, ...]:
    """Returns the steps in their order; each but the last is used once unless it says how often."""
    replies = [step for step in steps if isinstance(step, ReplyStep)]
    once = [msgspec.structs.replace(step, times=step.times or 1) for step in replies[:-1]]
    return (*once, *replies[-1:])


def _reply_steps(replies: object) -> Iterable[object]:
    """The steps as they are written: once is what each but the last is used unless it says how often."""
    if not isinstance(replies, tuple):
        raise TypeError(f"a {type(replies).__name__} has no replies")
    *once, last = replies
    return (*(msgspec.structs.replace(step, times=None if step.times == 1 else step.times) for step in once), last)


def _without_place(kind: RecordType, rule: object) -> Mapping[str, object]:
    """The entries of a rule or a fault, without an id that was made of a place."""
    return {key: each for key, each in kind.said(rule).items() if key != "id" or _ID_BY_PLACE not in str(each)}


_ID_BY_PLACE = " "
"""Every id that was made of a place in a file, such as `rule 3`, holds it; no id that somebody wrote does."""
_CODE_SCHEMA: Schema = {
    "anyOf": [
        words_schema(CODE_NAMES),
        {"enum": [int(code) for code in ResultCode]},
        {"type": "string", "pattern": "^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$"},
    ]
}
CODE = ScalarType(
    want=WANT_CODE, read=code_of_value, write=written_code, example="Busy", schema=_CODE_SCHEMA, title="code"
)
_STEP: Mapping[str, TableKey] = {
    "code": TableKey(CODE, "The result code, by name or by number; OK unless said."),
    "times": TableKey(COUNT, "How often each recipient gets it. Unless said: the last for ever, the others once."),
    "delay": TableKey(DELAY, "How long the answer takes, in wall time."),
}
_REPLY_TABLE = RecordType(
    want="a table such as {example}",
    entries=lambda: _STEP,
    blank=ReplyStep(),
    always=frozenset({"code"}),
    title="reply",
    example={"code": "Busy", "times": 2},
)
_REPLY_CODE = ScalarType(want=WANT_CODE, read=_one_reply, write=_written_reply, schema=_CODE_SCHEMA, title="code")
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
    scatter=_reply_steps,
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
RULE: RecordType = RecordType(
    want="a table such as {example}",
    entries=lambda: _RULE,
    blank=Rule(id=""),
    fields={"match": "condition", "reply": "replies", "report": "outlook"},
    parts=lambda rule: _without_place(RULE, rule),
    title="rule",
    example={"id": "busy", "match": {"to": "852*"}, "reply": "Busy"},
)
"""Reads a `Rule`; its id is empty when none is said."""


# Faults, as they are read.


def _read_fault(taken: Mapping[str, object], location: Location) -> object:
    rule = FAULT.filled(taken)
    assert isinstance(rule, FaultRule)
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
FAULT: RecordType = RecordType(
    want="a table such as {example}",
    entries=lambda: _FAULT,
    blank=FaultRule(id=""),
    fields={"match": "condition"},
    make=_read_fault,
    parts=lambda rule: _without_place(FAULT, rule),
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
