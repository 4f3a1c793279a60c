"""Assignments: settings as `KEY=VALUE` on a command line, put together as the JSON object that the API takes."""

import re
from collections.abc import Sequence

import click
import msgspec

Value = object

_FRACTION = re.compile(r"-?[0-9]+\.[0-9]+")


def assignments_of(said: Sequence[str]) -> dict[str, Value]:
    """The object that `a=1`, `b.c=text` and `b.d=true` make.

    A value that is JSON counts as that, but for fractions, which stay exact as texts; anything else is a text. Ends the
    command with 2 when one is no assignment, or says again what another said.
    """
    found: dict[str, Value] = {}
    for each in said:
        key, equals, text = each.partition("=")
        *tables, last = key.split(".")
        if not equals or not all((*tables, last)):
            raise click.UsageError(
                f'got "{each}", want KEY=VALUE, such as balance=10.00 or callback.url=https://localhost/'
            )
        table = found
        for name in tables:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                raise click.UsageError(f'"{each}": {name} was given a value already')
            table = inner
        if last in table:
            raise click.UsageError(f'"{each}": {key} was said already')
        table[last] = _value(text)
    return found


def _value(text: str) -> Value:
    if _FRACTION.fullmatch(text):
        return text
    try:
        value: Value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text
    return value
