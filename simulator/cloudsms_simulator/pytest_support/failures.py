"""What a failed wait or assertion says: what was wanted, what came close, and what was refused."""

from collections.abc import Iterable, Sequence

from cloudsms_simulator.client import Close
from cloudsms_simulator.client_items import Message, Request
from cloudsms_simulator.protocol.control_characters import escaped, escaped_lines

_MOST = 5
_LONGEST_TEXT = 80


class UnmetError(AssertionError):
    """What a test waits for or asserts is not so."""

    __module__ = "cloudsms_simulator"
    """Said before each message in pytest's summary, whose lines are short."""


def unmet(first: str, *parts: Iterable[str]) -> UnmetError:
    """The error that says so, a line each, for a terminal: control characters are escaped."""
    return UnmetError("\n".join([escaped_lines(first), *(escaped(line) for part in parts for line in part)]))


def close_lines(closest: Sequence[Close]) -> list[str]:
    """What came close, field by field."""
    if not closest:
        return []
    lines = ["closest:"]
    for each in closest:
        lines.append(f"  {each.name}{_to(each)}")
        for miss in each.misses:
            lines.append(f"    want {miss.term}")
            lines.append(f"     got {'nothing' if miss.got is None else miss.got}")
    return lines


def refused_lines(requests: Sequence[Request]) -> list[str]:
    """Requests that were not answered with OK, and why."""
    lines = ["requests that were refused:"] if requests else []
    for request in requests[:_MOST]:
        code = "no code" if request.code is None else f"{request.code.hex} {request.code.name}"
        lines.append(f"  request {request.id}: {code}")
        lines += [f"    {each.rule}: {each.path}: got {each.got}, want {each.want}" for each in request.findings]
    return lines


def message_lines(messages: Sequence[Message], what: str = "there are") -> list[str]:
    """Messages, one a line."""
    lines = [f"{what}:"] if messages else []
    lines += [f"  {message_line(each)}" for each in messages[-_MOST:]]
    return lines


def message_line(message: Message) -> str:
    """A message in one line."""
    state = message.state_name or "no state yet"
    return f"{message.uid} to {message.to}: {shortened(message.text)!r}, {state}, {message.cost}"


def shortened(text: str) -> str:
    """A text in one line of bearable length."""
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _to(close: Close) -> str:
    to = close.item.get("to")
    return f" to {to}: {shortened(str(close.item.get('text', '')))!r}" if to else ""
