"""The kinds of values that the fate of a message is written in: states in steps, or a mix of final states.

Spec: SMS_STATE and RESULT_DESC. Spec: Delivery Report (DR) CallBack, Remark. Reading: R21.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.delay import Fixed, bounds
from cloudsms_simulator.engine.fault import PushFault
from cloudsms_simulator.engine.outlook import Course, Mix, Turn
from cloudsms_simulator.engine.script import Manner, Plan, Step, plan_of
from cloudsms_simulator.protocol.states import State, is_final, name_of
from cloudsms_simulator.server.compound_kinds import Entry, FormKind, MapKind, RecordKind
from cloudsms_simulator.server.delay_kinds import DELAY
from cloudsms_simulator.server.durations import duration_text
from cloudsms_simulator.server.kinds import UNFIT, ListKind, Scalar, Schema, UnfitError
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.problems import suggestion
from cloudsms_simulator.server.setting_kinds import (
    COUNT,
    DURATION,
    ON_OFF,
    TEXT,
    choice,
    read_number,
    whole_number,
)
from cloudsms_simulator.server.switches import read_state
from cloudsms_simulator.server.toml_file import TomlValue
from cloudsms_simulator.server.word_kinds import word_of, words_schema

USUAL_DELAY = Fixed(timedelta(seconds=1))
"""How long a state takes that says nothing of it."""

_AT_ONCE = Fixed(timedelta())
_MOST_COPIES = 100
_HIGHEST_SERIAL = 65_535
_WHOLE = Decimal(100)
_TURN_KEYS = frozenset({"state", "after", "final", "lost", "none"})
_STATE_SCHEMA: Schema = {
    "anyOf": [
        words_schema(State.__members__),
        {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
        {"type": "string", "pattern": "^[0-9]{1,10}$"},
    ]
}


def _state(value: TomlValue) -> int:
    try:
        return read_state(value)
    except UnfitError:
        like = suggestion(value, State.__members__) if isinstance(value, str) else ""
        raise UnfitError(f"the name of a state, or its number{like}") from None


def _turn(taken: Mapping[str, object], place: Place) -> object:
    """A turn, or None for `none: true`: no final state comes."""
    if "none" in taken:
        if dict(taken) != {"none": True}:
            place.complain(f"got more beside none, want {place.written({'none': True})} alone")
            return UNFIT
        return None
    if "state" not in taken:
        place.complain(f"got no state, want one, such as {place.written({'state': 'DELIVERED', 'after': '3s'})}")
        return UNFIT
    manner_keys = {key: value for key, value in taken.items() if key not in _TURN_KEYS}
    said = {key: value for key, value in taken.items() if key in _TURN_KEYS}
    if not _goes_together(taken, manner_keys, place):
        return UNFIT
    manner = _manner(manner_keys)
    turn = msgspec.structs.replace(Turn(0, _AT_ONCE if manner.before_answer else USUAL_DELAY, True), **said)
    return msgspec.structs.replace(
        turn, final=bool(taken.get("final", is_final(turn.state))), manner=None if manner == Manner() else manner
    )


def _goes_together(taken: Mapping[str, object], manner: Mapping[str, object], place: Place) -> bool:
    if taken.get("lost") is True and manner:
        (place / "lost").complain(
            f"got it beside {next(iter(manner))}, want one of the two: a lost report is not pushed"
        )
        return False
    if "push_times" in manner and "push" not in manner:
        (place / "push_times").complain("got it alone, want push too, what goes wrong")
        return False
    if manner.get("before_answer") is True and taken.get("after", _AT_ONCE) != _AT_ONCE:
        (place / "after").complain('got a delay, want "0s" or nothing for a report that comes before the answer')
        return False
    return True


def _manner(taken: Mapping[str, object]) -> Manner:
    names = {"push": "fault", "push_times": "fault_times"}
    return msgspec.structs.replace(Manner(), **{names.get(key, key): value for key, value in taken.items()})


def _outlook(turns: tuple[object, ...]) -> Plan | Course:
    """A plan when every time is fixed; else what plans are drawn from."""
    planned = tuple(each for each in turns if isinstance(each, Turn))
    if len(planned) < len(turns) and (None in turns[:-1] or any(each.final for each in planned)):
        raise UnfitError("none as the last step, and no final state before it")
    _complain_of_what_never_comes(planned)
    steps = [
        Step(turn.state, turn.after.value, turn.final, turn.lost, turn.manner)
        for turn in planned
        if isinstance(turn.after, Fixed)
    ]
    return plan_of(*steps) if len(steps) == len(planned) else Course(planned)


def _complain_of_what_never_comes(turns: Sequence[Turn]) -> None:
    """Raises UnfitError for a state that always comes after a final one: nothing does."""
    for place, turn in enumerate(turns):
        earliest, _ = bounds(turn.after)
        for other, final in enumerate(turns):
            _, latest = bounds(final.after)
            is_behind = latest < earliest or (latest == earliest and other < place)
            if final.final and is_behind and final is not turn:
                late, last = name_of(turn.state), name_of(final.state)
                raise UnfitError(
                    f"no state after a final one: {late} at {duration_text(earliest)} is never reached, "
                    f"since {last} at {duration_text(latest)} is final; say final: false beside {last} if the message "
                    f"goes on, or put {late} before it, with held for a report that is to arrive later"
                )


def _any_text(value: TomlValue) -> str:
    if not isinstance(value, str):
        raise UnfitError
    return value


def _percent(value: TomlValue) -> Decimal:
    share = read_number(value)
    if not 0 <= share <= _WHOLE:
        raise UnfitError
    return share


def _shares(pairs: tuple[tuple[object, object], ...]) -> tuple[tuple[object, object], ...]:
    shares = [share for _, share in pairs if isinstance(share, Decimal)]
    total = sum(shares, Decimal(0))
    if total != _WHOLE:
        raise UnfitError(f"percentages that add up to 100; these add up to {total.normalize():f}")
    states = [state for state, _ in pairs]
    if len(set(states)) < len(states):
        raise UnfitError("each state once, by its name or by its number")
    return pairs


def _mix(taken: Mapping[str, object], place: Place) -> Mix:
    names = {"mix": "shares"}
    return msgspec.structs.replace(Mix((), USUAL_DELAY), **{names.get(key, key): value for key, value in taken.items()})


def _json(value: TomlValue) -> bytes:
    """A value as JSON text, numbers with every digit."""
    try:
        return msgspec.json.Encoder(decimal_format="number").encode(_finite(value))
    except (UnicodeEncodeError, OverflowError) as error:
        raise UnfitError from error


def _finite(value: TomlValue) -> TomlValue:
    if isinstance(value, Decimal) and not value.is_finite():
        raise UnfitError
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(entry) for entry in value]
    return value


STATE = Scalar(
    want="the name of a state, or its number", read=_state, example="DELIVERED", schema=_STATE_SCHEMA, title="state"
)
_STEP: Mapping[str, Entry] = {
    "state": Entry(STATE, "The state that is reached, by name or by number."),
    "after": Entry(DELAY, "When, counted from acceptance on the account's clock; 1s unless said."),
    "final": Entry(ON_OFF, "Whether nothing follows; without it, all but ENROUTE and IDLE are final."),
    "lost": Entry(ON_OFF, "The state is reached, charged and shown, but no report of it is pushed."),
    "none": Entry(ON_OFF, "As a last step, alone: no final state comes, so the message is EXPIRED after 25 h."),
    "copies": Entry(
        whole_number(1, _MOST_COPIES), "How often the report is pushed, one push after the other; 1 unless said."
    ),
    "held": Entry(DURATION, "How long the report waits once its state is reached; later ones may overtake it."),
    "before_answer": Entry(
        ON_OFF, "The report comes before the answer to the request, which waits for it, 2 s at most."
    ),
    "serial": Entry(whole_number(0, _HIGHEST_SERIAL), "A SERIAL in place of the account's next one."),
    "uid_case": Entry(choice("lower"), "lower: SMS_UID in small letters."),
    "extra": Entry(
        MapKind(
            want="a table of keys and their values, such as {example}",
            key=TEXT,
            value=Scalar(want="a value that JSON has", read=_json),
            gather=tuple,
            example={"OPERATOR": "CMHK"},
        ),
        "Keys added at the end of the packet; one that is there already gets another value.",
    ),
    "omit": Entry(
        ListKind(
            want="a key of the packet, or a list such as {example}",
            item=TEXT,
            gather=frozenset,
            single=True,
            example=["REPORT_TIME"],
        ),
        "Keys left out, of the packet or of the item in its list.",
    ),
    "desc": Entry(
        Scalar(want="a text", read=_any_text, schema={"type": "string"}),
        "A RESULT_DESC in place of the state's name.",
    ),
    "push": Entry(
        word_of({fault.value: fault for fault in PushFault}),
        "What goes wrong with the push: it is slow, cut, reset, malformed, or comes in a burst.",
    ),
    "push_times": Entry(COUNT, "With how many attempts it goes wrong; 1 unless said."),
}
_MIX: Mapping[str, Entry] = {
    "mix": Entry(
        MapKind(
            want="a table from state to percent, such as {example}",
            key=STATE,
            value=Scalar(
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
    "delay": Entry(DELAY, "When the state is reached, counted from acceptance on the account's clock; 1s unless said."),
}

REPORT = FormKind(
    title="report",
    want="a list of steps, such as {example}, or a table with a mix",
    example=[{"state": "ENROUTE", "after": "1s"}, {"state": "DELIVERED", "after": "5s"}],
    series=ListKind(
        want="a list of steps",
        item=RecordKind(
            want="a table such as {example}",
            entries=lambda: _STEP,
            make=_turn,
            title="step",
            example={"state": "DELIVERED", "after": "3s"},
        ),
        gather=_outlook,
    ),
    table=RecordKind(
        want="a table such as {example}",
        entries=lambda: _MIX,
        make=_mix,
        title="mix",
        example={"mix": {"DELIVERED": 90, "UNDELIVERABLE": 10}, "delay": "3s"},
    ),
)
"""An `Outlook`: a `Plan` if every time is fixed, else a `Course` or a `Mix`."""
