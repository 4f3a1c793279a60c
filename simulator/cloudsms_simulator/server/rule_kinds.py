"""The kinds of values that rules are written in: what is replied, and what becomes of the messages.

Spec: RESULT_CODE and RESULT_DESC. Reading: R21.
"""

from collections.abc import Mapping

import msgspec

from cloudsms_simulator.engine.rule_book import ReplyStep, Rule
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.server.account_kinds import NAME
from cloudsms_simulator.server.compound_kinds import Entry, FormKind, RecordKind
from cloudsms_simulator.server.condition_kinds import MATCH, STATE_NAME
from cloudsms_simulator.server.delay_kinds import DELAY
from cloudsms_simulator.server.kinds import ListKind, Scalar, Schema
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.report_kinds import REPORT
from cloudsms_simulator.server.setting_kinds import COUNT, choice
from cloudsms_simulator.server.switches import A_CODE, CODE_NAMES, read_code
from cloudsms_simulator.server.toml_file import TomlValue
from cloudsms_simulator.server.word_kinds import words_schema


def _one_reply(value: TomlValue) -> ReplyStep:
    return ReplyStep(read_code(value))


def _reply(taken: Mapping[str, object], place: Place) -> ReplyStep:
    return msgspec.structs.replace(ReplyStep(), **taken)


def _replies(steps: tuple[object, ...]) -> tuple[ReplyStep, ...]:
    """The steps in their order; all but the last are for once unless they say how often."""
    replies = [step for step in steps if isinstance(step, ReplyStep)]
    once = [msgspec.structs.replace(step, times=step.times or 1) for step in replies[:-1]]
    return (*once, *replies[-1:])


def _rule(taken: Mapping[str, object], place: Place) -> Rule:
    return msgspec.structs.replace(Rule(id=""), **{_FIELDS.get(key, key): value for key, value in taken.items()})


_FIELDS: Mapping[str, str] = {"match": "condition", "reply": "replies", "report": "outlook"}
_CODE_SCHEMA: Schema = {
    "anyOf": [
        words_schema(CODE_NAMES),
        {"enum": [int(code) for code in ResultCode]},
        {"type": "string", "pattern": "^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$"},
    ]
}
CODE = Scalar(want=A_CODE, read=read_code, example="Busy", schema=_CODE_SCHEMA, title="code")
_STEP: Mapping[str, Entry] = {
    "code": Entry(CODE, "The result code, by name or by number; OK unless said."),
    "times": Entry(COUNT, "How often each recipient gets it. Unless said: the last for ever, the others once."),
    "delay": Entry(DELAY, "How long the answer takes, in wall time."),
}
_REPLY_TABLE = RecordKind(
    want="a table such as {example}",
    entries=lambda: _STEP,
    make=_reply,
    title="reply",
    example={"code": "Busy", "times": 2},
)
_REPLY_CODE = Scalar(want=A_CODE, read=_one_reply, schema=_CODE_SCHEMA, title="code")
_STEPS = FormKind(
    want="a result code, or a table such as {example}",
    example={"code": "Busy", "times": 2},
    single=_REPLY_CODE,
    table=_REPLY_TABLE,
)
REPLY = ListKind(
    want="a result code, a table such as {example}, or a list of them",
    item=_STEPS,
    gather=_replies,
    single=True,
    least=1,
    example={"code": "Busy", "times": 2},
)
"""`ReplyStep`s."""

RULE_ID = Scalar(
    want="a name of 1 to 64 letters, digits, dots, dashes and underscores",
    read=NAME.read,
    example="busy-then-ok",
    schema=NAME.schema,
)
_RULE: Mapping[str, Entry] = {
    "id": Entry(RULE_ID, "What the rule is called in the journal; by its place in the file unless said."),
    "match": Entry(MATCH, "Which destinations it is for; all of them without it."),
    "scope": Entry(
        choice("destination", "packet"), "packet: a destination that is refused has the whole packet refused."
    ),
    "reply": Entry(REPLY, "What is answered: a code, or one code after the other; OK unless said."),
    "report": Entry(REPORT, "What becomes of the messages: states in steps, or a mix."),
    "then": Entry(STATE_NAME, "The state the account's rules are in once this rule has decided."),
}
RULE = RecordKind(
    want="a table such as {example}",
    entries=lambda: _RULE,
    make=_rule,
    title="rule",
    example={"id": "busy", "match": {"to": "852*"}, "reply": "Busy"},
)
"""A `Rule`; its id is empty when none is said."""
