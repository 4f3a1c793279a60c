"""Every reason for LOCAL_REJECTED is known by what it says."""

import re
from decimal import Decimal

import httpx2
import pytest

from cloudsms_simulator.engine import acceptance
from cloudsms_simulator.engine.acceptance import ADMISSION_RULES, AdmissionRequest, AdmissionRule, rule_of_reason
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.inbox import coverage, overview_page
from cloudsms_simulator.protocol.packet import Destination
from cloudsms_simulator.pytest_plugin.server import LocalServer

ACCOUNT = Account(directions=frozenset({852}))
REJECTED = {
    "singapore_number": [
        AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(65, "61234567"), Decimal(1), None),
        AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(65, "9123456"), Decimal(1), None),
    ],
    "direction": [AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(44, "7911123456"), Decimal(1), None)],
    "route": [AdmissionRequest(ACCOUNT, "is left", Destination(852, "67000011"), Decimal(1), None)],
    "price": [AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(852, "67000011"), None, None)],
    "balance": [AdmissionRequest(ACCOUNT, "VerifyCode_516", Destination(852, "67000011"), Decimal(2), Decimal(1))],
}


def test_there_is_an_example_of_every_rule() -> None:
    assert list(REJECTED) == [rule.kind for rule in ADMISSION_RULES]


@pytest.mark.parametrize("rule", ADMISSION_RULES, ids=lambda rule: rule.kind)
def test_what_a_rule_says_is_of_its_kind(rule: AdmissionRule) -> None:
    assert {rule_of_reason(rule.reject(application) or "") for application in REJECTED[rule.kind]} == {rule}


def test_a_reason_nobody_knows_is_of_no_kind() -> None:
    assert rule_of_reason("because") is None


def reject_night(request: AdmissionRequest) -> str | None:
    """Rejects the numbers of night watchmen."""
    return "nobody is awake" if request.destination.msisdn == "67000099" else None


def test_one_more_rule_is_applied_counted_and_shown_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    night = AdmissionRule(
        kind="night", reject=reject_night, said="nobody is awake", english="a watchman", chinese="守夜人", scenario=None
    )
    for module in (acceptance, coverage, overview_page):
        monkeypatch.setattr(module, "ADMISSION_RULES", (*ADMISSION_RULES, night))
    server = LocalServer("optional", "spec")
    try:
        sent = server.client.send(to="+852 67000099", text="hello")
        assert server.client.messages.show(sent.uids[0]).reason == "nobody is awake"
        for language, words in (("en", "a watchman"), ("zh", "守夜人")):
            page = httpx2.get(f"{server.admin_url}/overview?lang={language}").text
            assert re.search(rf"nobody[^>]*>{words}</a> <b>1</b>", page), page
    finally:
        server.close()
