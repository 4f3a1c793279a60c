"""The rule item: what the admin API shows of a rule or a fault, and of what it has done."""

from typing import Literal

import msgspec

from cloudsms_simulator.engine.rule_book import Rule
from cloudsms_simulator.server.playing import Counted
from cloudsms_simulator.server.rule_values import rule_value

RuleKind = Literal["rule", "fault"]

_encoder = msgspec.json.Encoder(decimal_format="number")


class RuleItem(msgspec.Struct, frozen=True):
    """A rule or a fault."""

    id: str
    kind: RuleKind
    book: str | None
    """The scenario it comes from; null when it was laid down by itself."""
    hits: int
    """How often it decided."""
    enabled: bool
    """False while it is switched off."""
    definition: msgspec.Raw
    """As a scenario file says it."""
    warnings: tuple[str, ...] = ()
    """What is worth a warning, line by line, each with its place in what was sent; told when it is laid down."""


def kind_of(counted: Counted) -> RuleKind:
    """Which of the two it is."""
    return "rule" if isinstance(counted.rule, Rule) else "fault"


def rule_item(counted: Counted, warnings: tuple[str, ...] = ()) -> RuleItem:
    """A rule or a fault as the API shows it."""
    definition = msgspec.Raw(_encoder.encode(rule_value(counted.rule)))
    book = None if counted.is_own else counted.book
    return RuleItem(counted.rule.id, kind_of(counted), book, counted.hits, counted.enabled, definition, warnings)
