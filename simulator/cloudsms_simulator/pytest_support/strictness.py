"""Strictness: which wrong answers of the customer's server to reports fail a test.

Spec: Delivery Report (DR) response Format.
"""

from collections.abc import Collection, Iterable

from cloudsms_simulator.client_items import Report
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import FINDING_RULES
from cloudsms_simulator.server.problems import suggestion

ANSWER_RULES = frozenset(rule for rule in FINDING_RULES if rule.startswith("dr-"))
"""What may be found in an answer to a report."""


def strictness_of(said: object) -> frozenset[str]:
    """The rules of findings that fail a test: every one for true, none for false, or those that are named.

    Raises ValueError, saying what came and what would be right.
    """
    if isinstance(said, bool):
        return ANSWER_RULES if said else frozenset()
    if not isinstance(said, Collection) or isinstance(said, str):
        raise ValueError(f"strict_answers: got {said!r}, want True, False, or a list of rules such as dr-answer-serial")
    for rule in said:
        if rule not in ANSWER_RULES:
            near = suggestion(str(rule), ANSWER_RULES) or f"; want one of {', '.join(sorted(ANSWER_RULES))}"
            raise ValueError(f'strict_answers: there is no rule "{rule}" of answers to reports{near}')
    return frozenset(said)


def wrong_answers(reports: Iterable[Report], rules: Collection[str]) -> list[str]:
    """What is wrong with how the customer's server answered, a line each; faults of the simulator's own aside."""
    return [
        f"report {report.id} ({report.state_name}), attempt {number}: {_line(finding)}"
        for report in reports
        for number, attempt in enumerate(report.attempts, 1)
        if attempt.fault is None
        for finding in attempt.findings
        if finding.rule in rules
    ]


def _line(finding: Finding) -> str:
    return f"{finding.severity} {finding.rule}: {finding.path}: got {finding.got}, want {finding.want}"
