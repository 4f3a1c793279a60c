"""What a test wants of its account, from the fixture `cloudsms_settings`, its marker, and calls of `make_cloudsms`.

Some settings are the fixture's own: `mtls`, `timeout`, `strict_answers` (which wrong answers of the customer's
server to reports fail a test), `callback_host`, `scenario`. The others are those that an account is made with.
Without `seed` a test has one that follows from its id, the same in every run and on every machine.

Spec: Delivery Report (DR) response Format.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal, cast, get_args

import msgspec

from cloudsms_simulator.client.operation import Duration
from cloudsms_simulator.config.problems import suggestion
from cloudsms_simulator.models.journal import ReportItem
from cloudsms_simulator.protocol.findings import FINDING_RULES, Finding
from cloudsms_simulator.pytest_plugin.server import Mtls

FIXTURE_KEYS = ("mtls", "timeout", "strict_answers", "callback_host", "scenario")
"""The settings that are the fixture's own; all others are settings of the account."""

_SEEDS = 2**32


class FixtureSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that are the fixture's own, and those that the account is made with."""

    account: Mapping[str, object]
    mtls: Mtls | None = None
    """None: as the session's server has it, `required` when that is ours."""
    timeout: Duration = 5.0
    """How long waits take unless they say, wall time."""
    strict_answers: frozenset[str] = frozenset()
    """The findings in answers to reports that fail the test."""
    callback_host: str | None = None
    """How the server reaches the machine of the tests."""
    scenario_file: Path | None = None


def fixture_settings(settings: Mapping[str, object], nodeid: str, folder: Path) -> FixtureSettings:
    """Reads the settings of a test; paths of scenarios are relative to `folder`.

    Raises ValueError, saying what came and what would be right.
    """
    account = {key: value for key, value in settings.items() if key not in FIXTURE_KEYS}
    account = {"clock": "frozen", "seed": seed_of(nodeid), **account}
    if "balance" in account:
        account["balance"] = _balance(account["balance"])
    mtls = settings.get("mtls")
    if mtls is not None and mtls not in get_args(Mtls):
        raise ValueError(f'mtls: got "{mtls}", want one of {", ".join(get_args(Mtls))}')
    scenario, file = settings.get("scenario"), None
    if isinstance(scenario, Path) or (isinstance(scenario, str) and _is_path(scenario)):
        file = folder / scenario
        if not file.is_file():
            raise ValueError(f'scenario: there is no file "{file}"')
    elif scenario is not None:
        account["scenario"] = scenario
    host = settings.get("callback_host")
    timeout = settings.get("timeout", 5.0)
    return FixtureSettings(
        account=account,
        mtls=cast("Literal['off', 'optional', 'required'] | None", mtls),
        timeout=cast("Duration", timeout),
        strict_answers=strict_rules(settings.get("strict_answers", False)),
        callback_host=None if host is None else str(host),
        scenario_file=file,
    )


def seed_of(nodeid: str) -> int:
    """The seed of a test: the same in every run and on every machine."""
    return int.from_bytes(hashlib.blake2b(nodeid.encode(), digest_size=8).digest(), "big") % _SEEDS


def _is_path(scenario: str) -> bool:
    return "/" in scenario or scenario.endswith((".yaml", ".yml", ".json"))


def _balance(balance: object) -> object:
    """A balance such as `"HKD 10.00"` as the API takes it; anything else as it is."""
    if isinstance(balance, str) and " " in balance.strip():
        currency, _, amount = balance.strip().partition(" ")
        return {"amount": amount.strip(), "currency": currency}
    return balance


# Wrong answers to reports

ANSWER_RULES = frozenset(rule for rule in FINDING_RULES if rule.startswith("dr-"))
"""What may be found in an answer to a report."""


def strict_rules(said: object) -> frozenset[str]:
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


def wrong_answers(reports: Iterable[ReportItem], rules: Collection[str]) -> list[str]:
    """What is wrong with how the customer's server answered, a line each; faults of the simulator's own aside."""
    return [
        f"report {report.id} ({report.state_name}), attempt {number}: {_wrong_answer_line(finding)}"
        for report in reports
        for number, attempt in enumerate(report.attempts, 1)
        if attempt.fault is None
        for finding in attempt.findings
        if finding.rule in rules
    ]


def _wrong_answer_line(finding: Finding) -> str:
    return f"{finding.severity} {finding.rule}: {finding.path}: got {finding.got}, want {finding.want}"
