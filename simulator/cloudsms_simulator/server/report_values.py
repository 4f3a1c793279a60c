"""What becomes of a message, as a configuration or a scenario file says it: what reading gives back."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.delay import Delay, Fixed, Listed, Lognormal, Uniform
from cloudsms_simulator.engine.outlook import Course, Mix, Outlook, Turn
from cloudsms_simulator.engine.script import EXPIRED_AT_LAST, Manner, Plan, Step
from cloudsms_simulator.protocol.states import State, is_final
from cloudsms_simulator.server.durations import duration_text
from cloudsms_simulator.server.toml_file import TomlValue

_STATE_NAMES: Mapping[int, str] = {int(state): state.name for state in State}
_NO_FINAL: Mapping[str, TomlValue] = {"none": True}
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_MANNER_NAMES: Mapping[str, str] = {"fault": "push", "fault_times": "push_times"}


def outlook_value(outlook: Outlook) -> TomlValue:
    """An outlook as a file holds it: a list of steps, or a table with a mix."""
    match outlook:
        case Plan(steps, dropped):
            return [_step(step, Fixed(step.after)) for step in (*steps, *dropped) if step != EXPIRED_AT_LAST] or [
                _NO_FINAL
            ]
        case Course(turns):
            return [_step(turn, turn.after) for turn in turns]
        case Mix(shares, delay):
            return {"mix": {_state_key(state): share for state, share in shares}, "delay": delay_value(delay)}


def delay_value(delay: Delay) -> TomlValue:
    """A delay as a file holds it: a duration, or a table with the name of the distribution."""
    match delay:
        case Fixed(value):
            return duration_text(value)
        case Uniform(lower, upper):
            return {"type": "uniform", "lower": duration_text(lower), "upper": duration_text(upper)}
        case Lognormal(median, sigma, minimum):
            table: Mapping[str, TomlValue] = {
                "type": "lognormal",
                "median": duration_text(median),
                "sigma": Decimal(repr(sigma)),
            }
            return {**table, "minimum": duration_text(minimum)} if minimum else table
        case Listed(values):
            return {"type": "list", "values": [duration_text(value) for value in values]}


def _step(step: Step | Turn, after: Delay) -> Mapping[str, TomlValue]:
    table: dict[str, TomlValue] = {"state": _STATE_NAMES.get(step.state, step.state), "after": delay_value(after)}
    if step.final != is_final(step.state):
        table["final"] = step.final
    if step.lost:
        table["lost"] = True
    return table if step.manner is None else {**table, **_manner(step.manner)}


def _manner(manner: Manner) -> Mapping[str, TomlValue]:
    changed = {
        _MANNER_NAMES.get(field.name, field.name): getattr(manner, field.name)
        for field in msgspec.structs.fields(manner)
        if getattr(manner, field.name) != field.default
    }
    return {key: _plain(value) for key, value in changed.items()}


def _plain(value: object) -> TomlValue:
    match value:
        case bool() | int() | str():
            return value
        case timedelta():
            return duration_text(value)
        case frozenset():
            return sorted(value)
        case tuple():
            return {key: _decoder.decode(text) for key, text in value}
    raise TypeError(f"a manner holds a {type(value).__name__}")


def _state_key(state: int) -> str:
    return _STATE_NAMES.get(state, str(state))
