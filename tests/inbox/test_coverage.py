"""Coverage names everything there is, shows what was seen, and says how the rest is brought about."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cloudsms_simulator.api.rules import read_rule_body
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.config.yaml_source import parse_yaml
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.evaluation import magic_number_of
from cloudsms_simulator.inbox.coverage import (
    CoverageGroup,
    CoverageItem,
    JournalStatistics,
    collect_statistics,
    coverage_of,
)
from cloudsms_simulator.journal.search import parse_search
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.account import RuleKind
from cloudsms_simulator.protocol.codes import RESULT_CODES, STATES
from cloudsms_simulator.protocol.findings import FINDING_RULES
from cloudsms_simulator.services.scenarios import ActiveScenario


def groups(statistics: JournalStatistics, back: dict[str, int] | None = None) -> dict[str, CoverageGroup]:
    return {group.name: group for group in coverage_of(statistics, back or {}, ())}


NOTHING = groups(JournalStatistics())
UNSEEN = [item for group in NOTHING.values() for item in group.items]


def test_everything_there_is_is_named_and_nothing_was_seen_yet() -> None:
    counts = {name: (group.seen, len(group.items)) for name, group in NOTHING.items()}
    assert counts == {
        "codes": (0, len(RESULT_CODES)),
        "states": (0, len(STATES)),
        "reasons": (0, 5),
        "faults": (0, 20),
        "rules": (0, 0),
        "findings": (0, len(FINDING_RULES)),
    }


@pytest.mark.parametrize("item", [item for item in UNSEEN if item.number], ids=lambda item: item.name)
def test_a_number_that_is_said_to_bring_something_is_magic(item: CoverageItem) -> None:
    omen = magic_number_of(item.number or "")
    assert omen is not None
    state = omen.plan.steps[-1].state if omen.plan is not None else 0
    assert any(
        told in item.name for told in (omen.fault or "-", f"0x{omen.code:02X}", f"0x{omen.code:08X}", f" {state}")
    )


@pytest.mark.parametrize("item", [item for item in UNSEEN if item.call], ids=lambda item: item.name)
def test_a_call_that_is_said_to_bring_something_is_a_rule(item: CoverageItem) -> None:
    path, _, body = (item.call or "").partition(" ")
    kinds: dict[str, RuleKind] = {"/api/v1/faults": "fault", "/api/v1/rules": "rule"}
    kind = kinds[path]
    assert item.name in str(read_rule_body(parse_yaml(body, kind), kind, ActiveScenario()))


def test_scenarios_that_are_named_are_bundled() -> None:
    named = {item.scenario for item in UNSEEN} - {None}
    assert named <= {path.stem for path in bundled_scenarios()}


def test_what_was_seen_is_found_by_its_search(stage: Callable[..., Any]) -> None:
    it = stage(Account(directions=frozenset({852})))

    async def story() -> dict[str, CoverageGroup]:
        await it.send(2)
        await it.receive(1, SMS_CONTENT="")
        await it.receive(1, MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": "67555406"}])
        await it.send(1, MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 44, "DEST_MSISDN": "7911123456"}])
        return groups(await collect_statistics(it.store, it.accounts), {"unknown-field": 1, "sent-twice": 1})

    seen = {item.name: item.seen.search for group in asyncio.run(story()).values() for item in group.items if item.seen}
    assert {"OK 0x01", "Invalid_context 0x10000003", "direction", "BROKEN_JSON", "content-missing"} <= set(seen)
    assert (seen["unknown-field"], seen["sent-twice"]) == ("finding:unknown-field", "finding:sent-twice")
    kept = JournalView(it.store, it.account)
    for name, text in seen.items():
        search = parse_search(text, it.clock().virtual)
        values = [*kept.listing("messages"), *kept.listing("requests")]
        found = [value for value in values if search.matches(value, kept.context_of(value))]
        assert found or name in {"unknown-field", "sent-twice"}, (name, text)
