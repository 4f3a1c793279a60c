"""What becomes of an accepted message, as configuration says it: states in steps, or a mix of final states.

`REPORT` gives a `Plan` when every time is fixed, else the template that plans are drawn from.

Spec: SMS_STATE and RESULT_DESC. Spec: Delivery Report (DR) CallBack, Remark. Reading: R21.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec

from cloudsms_simulator.config import suggestion
from cloudsms_simulator.config.schema import (
    INVALID,
    InvalidValueError,
    ListType,
    MapType,
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
    COUNT,
    DELAY,
    DURATION,
    ON_OFF,
    TEXT,
    choice_type,
    exact_number,
    state_of_value,
    whole_number_type,
    written_state,
)
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.plan import (
    EXPIRED_AT_LAST,
    Fixed,
    Mix,
    Plan,
    PlanTemplate,
    ReportOptions,
    Step,
    StepTemplate,
    bounds_of_delay,
    plan_of,
)
from cloudsms_simulator.models.durations import duration_text
from cloudsms_simulator.protocol.codes import State, is_final, state_desc

USUAL_DELAY = Fixed(timedelta(seconds=1))
"""When a state is reached whose step does not say it."""

_AT_ONCE = Fixed(timedelta())
_MOST_COPIES = 100
_HIGHEST_SERIAL = 65_535
_WHOLE = Decimal(100)
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_STEP_KEYS = frozenset({"state", "after", "final", "lost", "none"})
_STATE_SCHEMA: Schema = {
    "anyOf": [
        words_schema(State.__members__),
        {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
        {"type": "string", "pattern": "^[0-9]{1,10}$"},
    ]
}


def _state(value: TomlValue) -> int:
    try:
        return state_of_value(value)
    except InvalidValueError:
        like = suggestion(value, State.__members__) if isinstance(value, str) else ""
        raise InvalidValueError(f"the name of a state, or its number{like}") from None


def _step_template(taken: Mapping[str, object], location: Location) -> object:
    """A step's template, or None for `none: true`: no final state comes."""
    if "none" in taken:
        if dict(taken) != {"none": True}:
            location.error(f"got more beside none, want {location.written({'none': True})} alone")
            return INVALID
        return None
    if "state" not in taken:
        location.error(f"got no state, want one, such as {location.written({'state': 'DELIVERED', 'after': '3s'})}")
        return INVALID
    option_keys = {key: value for key, value in taken.items() if key not in _STEP_KEYS}
    said = {key: value for key, value in taken.items() if key in _STEP_KEYS}
    if not _goes_together(taken, option_keys, location):
        return INVALID
    options = _OPTIONS.filled(option_keys)
    assert isinstance(options, ReportOptions)
    template = StepTemplate(0, _AT_ONCE if options.before_answer else USUAL_DELAY, True)
    template = msgspec.structs.replace(template, **said)
    return msgspec.structs.replace(
        template,
        final=bool(taken.get("final", is_final(template.state))),
        manner=None if options == ReportOptions() else options,
    )


def _goes_together(taken: Mapping[str, object], options: Mapping[str, object], location: Location) -> bool:
    if taken.get("lost") is True and options:
        (location / "lost").error(
            f"got it beside {next(iter(options))}, want one of the two: a lost report is not pushed"
        )
        return False
    if "push_times" in options and "push" not in options:
        (location / "push_times").error("got it alone, want push too, what goes wrong")
        return False
    if options.get("before_answer") is True and taken.get("after", _AT_ONCE) != _AT_ONCE:
        (location / "after").error('got a delay, want "0s" or nothing for a report that comes before the answer')
        return False
    return True


def _step_parts(step: object) -> Mapping[str, object]:
    """The entries of a step or its template; of None, which stands for no final state, the key that says so."""
    if step is None:
        return {"none": True}
    if not isinstance(step, Step | StepTemplate):
        raise TypeError(f"a {type(step).__name__} is no step")
    after = Fixed(step.after) if isinstance(step, Step) else step.after
    parts: dict[str, object] = {"state": step.state, "after": after}
    if step.final != is_final(step.state):
        parts["final"] = step.final
    if step.lost:
        parts["lost"] = True
    return parts if step.manner is None else {**parts, **_OPTIONS.said(step.manner)}


def _planned_steps(outlook: object) -> tuple[object, ...]:
    match outlook:
        case Plan(steps, dropped):
            return tuple(step for step in (*steps, *dropped) if step != EXPIRED_AT_LAST) or (None,)
        case PlanTemplate(templates):
            return templates
    raise TypeError(f"a {type(outlook).__name__} has no steps")


def _outlook(entries: tuple[object, ...]) -> Plan | PlanTemplate:
    """A plan when every time is fixed; else the template that plans are drawn from."""
    planned = tuple(each for each in entries if isinstance(each, StepTemplate))
    if len(planned) < len(entries) and (None in entries[:-1] or any(each.final for each in planned)):
        raise InvalidValueError("none as the last step, and no final state before it")
    _refuse_states_after_a_final_one(planned)
    steps = [
        Step(each.state, each.after.value, each.final, each.lost, each.manner)
        for each in planned
        if isinstance(each.after, Fixed)
    ]
    return plan_of(*steps) if len(steps) == len(planned) else PlanTemplate(planned)


def _refuse_states_after_a_final_one(steps: Sequence[StepTemplate]) -> None:
    """Raises InvalidValueError for a state that always comes after a final one, where nothing comes."""
    for index, step in enumerate(steps):
        earliest, _ = bounds_of_delay(step.after)
        for other, final in enumerate(steps):
            _, latest = bounds_of_delay(final.after)
            is_behind = latest < earliest or (latest == earliest and other < index)
            if final.final and is_behind and final is not step:
                late, last = state_desc(step.state), state_desc(final.state)
                raise InvalidValueError(
                    f"no state after a final one: {late} at {duration_text(earliest)} is never reached, "
                    f"since {last} at {duration_text(latest)} is final; say final: false beside {last} if the message "
                    f"goes on, or put {late} before it, with held for a report that is to arrive later"
                )


def _any_text(value: TomlValue) -> str:
    if not isinstance(value, str):
        raise InvalidValueError
    return value


def _percent(value: TomlValue) -> Decimal:
    share = exact_number(value)
    if not 0 <= share <= _WHOLE:
        raise InvalidValueError
    return share


def _shares(pairs: tuple[tuple[object, object], ...]) -> tuple[tuple[object, object], ...]:
    shares = [share for _, share in pairs if isinstance(share, Decimal)]
    total = sum(shares, Decimal(0))
    if total != _WHOLE:
        raise InvalidValueError(f"percentages that add up to 100; these add up to {total.normalize():f}")
    states = [state for state, _ in pairs]
    if len(set(states)) < len(states):
        raise InvalidValueError("each state once, by its name or by its number")
    return pairs


def _json(value: TomlValue) -> bytes:
    """A value as JSON text, numbers with every digit."""
    try:
        return msgspec.json.Encoder(decimal_format="number").encode(_finite(value))
    except (UnicodeEncodeError, OverflowError) as error:
        raise InvalidValueError from error


def _of_json(text: object) -> TomlValue:
    """The value that a JSON text says."""
    if not isinstance(text, bytes):
        raise TypeError(f"a {type(text).__name__} is no JSON text")
    value: TomlValue = _decoder.decode(text)
    return value


def _finite(value: TomlValue) -> TomlValue:
    if isinstance(value, Decimal) and not value.is_finite():
        raise InvalidValueError
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(entry) for entry in value]
    return value


STATE = ScalarType(
    want="the name of a state, or its number",
    read=_state,
    write=written_state,
    example="DELIVERED",
    schema=_STATE_SCHEMA,
    title="state",
)
_STEP: Mapping[str, TableKey] = {
    "state": TableKey(STATE, "The state that is reached, by name or by number."),
    "after": TableKey(DELAY, "When, counted from acceptance on the account's clock; 1s unless said."),
    "final": TableKey(ON_OFF, "Whether nothing follows; without it, all but ENROUTE and IDLE are final."),
    "lost": TableKey(ON_OFF, "The state is reached, charged and shown, but no report of it is pushed."),
    "none": TableKey(ON_OFF, "As a last step, alone: no final state comes, so the message is EXPIRED after 25 h."),
    "copies": TableKey(
        whole_number_type(1, _MOST_COPIES), "How often the report is pushed, one push after the other; 1 unless said."
    ),
    "held": TableKey(DURATION, "How long the report waits once its state is reached; later ones may overtake it."),
    "before_answer": TableKey(
        ON_OFF, "The report comes before the answer to the request, which waits for it, 2 s at most."
    ),
    "serial": TableKey(whole_number_type(0, _HIGHEST_SERIAL), "A SERIAL in place of the account's next one."),
    "uid_case": TableKey(choice_type("lower"), "lower: SMS_UID in small letters."),
    "extra": TableKey(
        MapType(
            want="a table of keys and their values, such as {example}",
            key=TEXT,
            value=ScalarType(want="a value that JSON has", read=_json, write=_of_json),
            gather=tuple,
            example={"OPERATOR": "CMHK"},
        ),
        "Keys added at the end of the packet; one that is there already gets another value.",
    ),
    "omit": TableKey(
        ListType(
            want="a key of the packet, or a list such as {example}",
            item=TEXT,
            gather=frozenset,
            single=True,
            listed=True,
            example=["REPORT_TIME"],
        ),
        "Keys left out, of the packet or of the item in its list.",
    ),
    "desc": TableKey(
        ScalarType(want="a text", read=_any_text, schema={"type": "string"}),
        "A RESULT_DESC in place of the state's name.",
    ),
    "push": TableKey(
        word_type({fault.value: fault for fault in PushFault}),
        "What goes wrong with the push: it is slow, cut, reset, malformed, or comes in a burst.",
    ),
    "push_times": TableKey(COUNT, "With how many attempts it goes wrong; 1 unless said."),
}
_OPTIONS = RecordType(
    want="how a report is pushed",
    entries=lambda: {key: entry for key, entry in _STEP.items() if key not in _STEP_KEYS},
    blank=ReportOptions(),
    fields={"push": "fault", "push_times": "fault_times"},
)
_MIX: Mapping[str, TableKey] = {
    "mix": TableKey(
        MapType(
            want="a table from state to percent, such as {example}",
            key=STATE,
            value=ScalarType(
                want="a percentage from 0 to 100",
                read=_percent,
                schema={"type": "number", "minimum": 0, "maximum": 100},
            ),
            gather=_shares,
            example={"DELIVERED": 90, "UNDELIVERABLE": 10},
        ),
        "The share of each state in percent; together they are 100.",
        required=True,
    ),
    "delay": TableKey(
        DELAY, "When the state is reached, counted from acceptance on the account's clock; 1s unless said."
    ),
}

REPORT = OneOfType(
    title="report",
    want="a list of steps, such as {example}, or a table with a mix",
    example=[{"state": "ENROUTE", "after": "1s"}, {"state": "DELIVERED", "after": "5s"}],
    series=ListType(
        want="a list of steps",
        item=RecordType(
            want="a table such as {example}",
            entries=lambda: _STEP,
            make=_step_template,
            parts=_step_parts,
            title="step",
            example={"state": "DELIVERED", "after": "3s"},
        ),
        gather=_outlook,
        scatter=_planned_steps,
    ),
    table=RecordType(
        want="a table such as {example}",
        entries=lambda: _MIX,
        blank=Mix((), USUAL_DELAY),
        fields={"mix": "shares"},
        always=frozenset({"delay"}),
        title="mix",
        example={"mix": {"DELIVERED": 90, "UNDELIVERABLE": 10}, "delay": "3s"},
    ),
)
"""Reads an `Outlook`: a `Plan` if every time is fixed, else a `PlanTemplate`, or a `Mix`."""
