"""Rules and faults as the admin API shows them: where they come from, what they say, how often they decided.

The `definition` is what a scenario file would say.

Reading: R21.
"""

from typing import Literal

import msgspec

from cloudsms_simulator.config.rule_schema import FAULT, RULE
from cloudsms_simulator.engine.rules import Rule
from cloudsms_simulator.services.scenarios import CountedRule

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


def rule_kind_of(counted: CountedRule) -> RuleKind:
    """Which of the two it is."""
    return "rule" if isinstance(counted.rule, Rule) else "fault"


def rule_item(counted: CountedRule, warnings: tuple[str, ...] = ()) -> RuleItem:
    """A rule or a fault as the API shows it."""
    definition = msgspec.Raw(_encoder.encode((RULE if isinstance(counted.rule, Rule) else FAULT).dump(counted.rule)))
    book = None if counted.is_own else counted.book
    return RuleItem(counted.rule.id, rule_kind_of(counted), book, counted.hits, counted.enabled, definition, warnings)
