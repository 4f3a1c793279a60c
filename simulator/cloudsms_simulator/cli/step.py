"""A step of `doctor`: something that was looked at, whether it is in order, and what would mend it."""

from collections.abc import Iterator, Sequence
from typing import Literal

import click
import msgspec

from cloudsms_simulator.cli.table import terminal_width
from cloudsms_simulator.cli.text_lines import wrapped
from cloudsms_simulator.protocol.finding import Finding

Verdict = Literal["ok", "note", "wrong"]
"""`note`: worth knowing, and nothing that has to be mended."""

_INDENT = 19


class Step(msgspec.Struct, frozen=True):
    """One step; a `fix` says what to do."""

    step: str
    verdict: Verdict
    found: str
    fix: str | None = None


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """What an answer with findings is: wrong if one of them is an error."""
    return "wrong" if any(finding.severity == "error" for finding in findings) else "note"


def print_step(step: Step) -> None:
    """Prints a step at once, on a terminal in as many lines as it takes."""
    for line in _lines(step):
        click.echo(line)


def _lines(step: Step) -> Iterator[str]:
    width = terminal_width()
    yield from wrapped(f"{step.verdict:<7}{step.step:<12}{step.found}", _INDENT, width)
    if step.fix is not None:
        yield from wrapped(f"{'':<7}{'fix:':<12}{step.fix}", _INDENT, width)
