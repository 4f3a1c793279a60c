"""Answers of servers of other versions: what a client does not know it ignores, what it does not get has a default."""

import json
from collections.abc import Mapping
from typing import get_origin

import msgspec
import pytest

from cloudsms_simulator.client import models
from cloudsms_simulator.models.account import (
    AccountItem,
    ClockItem,
    LedgerItem,
    RuleItem,
    TroubleItem,
    UsedItem,
)
from cloudsms_simulator.models.journal import (
    MessageItem,
    PendingItem,
    ReportItem,
    RequestItem,
    TimelineEntry,
    WaitProblem,
)
from cloudsms_simulator.models.server import Info, Json, Page

Members = dict[str, object]

NOON = "2026-11-22T12:00:00+08:00"
MONEY = {"amount": "0.0500", "currency": "HKD"}
FINDING = {"rule": "body-cut", "severity": "error", "path": "body", "got": "x", "want": "y", "heading": "z"}
MESSAGE: Members = {
    "uid": "5A", "account": "shop", "request_id": 9, "index": 0, "to": "85267000011", "country_code": 852,
    "msisdn": "67000011", "source": "Shop", "text": "Hi", "dcs": 0, "segments": 1, "route": "r", "price": MONEY,
    "cost": MONEY, "code": {"value": 1, "hex": "0x01", "name": "OK"}, "state": 2, "state_name": "DELIVERED",
    "final": True, "refunded": False, "reason": None, "accepted_at": NOON, "final_at": None, "customer_body": None,
    "rule": None,
}  # fmt: skip
REQUEST: Members = {
    "id": 9, "account": "shop", "kind": "uip", "received_at": NOON, "peer": None, "connection_id": None, "tls": None,
    "headers": [["host", "a"]], "http_status": 200, "code": None, "body": "{}", "answer": None, "findings": [FINDING],
    "rule": None, "fault": None, "uids": ["5A"],
}  # fmt: skip
ATTEMPT: Members = {
    "serial": 5, "at": NOON, "url": "http://a/", "request": "{}", "status": 200, "body": "{}", "error": None,
    "findings": [], "fault": None, "tls": None,
}  # fmt: skip
REPORT: Members = {
    "id": "5A-1", "uid": "5A", "account": "shop", "state": 2, "state_name": "DELIVERED", "due_at": NOON,
    "outcome": "answered", "next_attempt_at": None, "attempts": [ATTEMPT], "findings": [FINDING],
}  # fmt: skip
ACCOUNT: Members = {
    "name": "shop", "auth_key": "key-1", "profile": "spec", "routes": ["r"], "directions": [852],
    "prices": {"*": "0.1"}, "currency": "HKD", "balance": MONEY, "credit_limit": MONEY, "default_sender": "Shop",
    "callback": {"url": None, "retries_s": [1.0], "verify": True, "concurrency": 32}, "now": NOON, "outstanding": 0,
    "seed": 1, "scenario": None, "rules": 0,
}  # fmt: skip
CLOCK: Members = {
    "now": NOON, "mode": "frozen", "rate": 0.0, "settled": True, "running": 0, "pending": 0, "next_due_at": None,
}  # fmt: skip
RULE: Members = {"id": "a", "kind": "rule", "book": None, "hits": 0, "enabled": True, "definition": {"id": "a"}}
MOVEMENT: Members = {
    "id": "debit-5A", "account": "shop", "uid": "5A", "reason": "debit", "amount": MONEY, "balance": MONEY, "at": NOON,
}  # fmt: skip
ENTRY: Members = {
    "at": NOON, "wall_at": None, "kind": "received", "text": "Request 9 arrived.", "to_come": False, "request_id": 9,
    "report_id": None, "attempt": None, "state": None, "state_name": None, "amount": None, "finding": None,
}  # fmt: skip
PENDING: Members = {
    "uid": "5A", "report_id": "5A-1", "to": "85267000011", "state": 2, "state_name": "DELIVERED", "due_at": NOON,
    "in_s": 1.0, "attempt": 1, "kind": "planned",
}  # fmt: skip
INFO: Members = {
    "version": "0.1.0", "profile": "spec", "plain": False, "mtls": "required",
    "ports": {"platform": 1, "admin": 2}, "urls": {"platform": "https://a/dave/io", "admin": "http://a"},
    "clock": "real", "seed": 1, "scenario": None, "features": ["accounts"],
    "limits": {
        "body_octets": 1, "body_timeout_s": 1.0, "keep_alive_s": 1.0, "destinations": 1, "segments": 1,
        "journal_messages": 1, "journal_bytes": 1,
    },
}  # fmt: skip
WAIT: Members = {
    "title": "timed out", "status": 408, "detail": "there were none", "type": "about:blank", "count": 1, "total": 0,
    "evicted": 0, "in_vain": False, "next_due_at": None, "closest": [],
}  # fmt: skip
ANSWERS: list[tuple[type[msgspec.Struct], Members]] = [
    (MessageItem, MESSAGE),
    (RequestItem, REQUEST),
    (ReportItem, REPORT),
    (AccountItem, ACCOUNT),
    (ClockItem, {**CLOCK, "fired": [REPORT]}),
    (RuleItem, RULE),
    (LedgerItem, MOVEMENT),
    (TimelineEntry, ENTRY),
    (PendingItem, PENDING),
    (Info, INFO),
    (WaitProblem[Json], WAIT),
    (Page[MessageItem], {"items": [MESSAGE], "total": 1, "cursor": None, "evicted": 0}),
    (UsedItem, {"playing": None, "seed": 1, "tls": [{"trouble": "expired", "url": "https://a/"}]}),
]


def read(kind: type[msgspec.Struct], members: Mapping[str, object]) -> msgspec.Struct:
    """The members as an answer that a client reads."""
    return msgspec.json.decode(json.dumps(members).encode(), type=kind)


FREE = {"prices", "definition"}
"""Members whose own members are data."""


def grown(value: object) -> object:
    """An answer in which every object has a member that nobody knows yet."""
    if isinstance(value, dict):
        told = {key: each if key in FREE else grown(each) for key, each in value.items()}
        return {"new": {"is": "something"}, **told}
    return [grown(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("kind", "members"), ANSWERS, ids=lambda each: getattr(each, "__name__", ""))
def test_members_that_nobody_knows_yet_are_ignored(kind: type[msgspec.Struct], members: Members) -> None:
    newer = grown(members)
    assert isinstance(newer, dict)
    assert read(kind, newer) == read(kind, members)


def test_an_older_server_says_nothing_of_further_pushes() -> None:
    report = read(ReportItem, REPORT)
    assert isinstance(report, ReportItem)
    assert [(each.resent, each.repeated) for each in report.attempts] == [(False, False)]


def test_an_older_server_says_less_of_a_callback_and_knows_no_whitelist() -> None:
    account = read(AccountItem, ACCOUNT)
    assert isinstance(account, AccountItem)
    callback = account.callback
    assert (callback.connect_timeout_s, callback.timeout_s, callback.identity) == (2.0, 5.0, "valid")
    assert (callback.ca, callback.client_cert, callback.client_key) == (None, None, None)
    assert (account.whitelist, account.settings) == ((), {})


def test_an_older_server_keeps_no_request_line() -> None:
    request = read(RequestItem, REQUEST)
    assert isinstance(request, RequestItem)
    assert (request.method, request.target, request.http_version, request.body_base64) == (None, None, None, None)


def test_an_older_server_has_no_warnings_no_listeners_no_whitelist_and_no_container() -> None:
    rule, used, info = read(RuleItem, RULE), read(UsedItem, {"playing": None, "seed": 1}), read(Info, INFO)
    assert isinstance(rule, RuleItem)
    assert isinstance(used, UsedItem)
    assert isinstance(info, Info)
    assert (rule.warnings, used.warnings, used.tls, info.whitelist, info.container) == ((), (), (), (), False)


def test_a_clock_that_was_only_looked_at_fired_nothing() -> None:
    looked_at, advanced = read(ClockItem, CLOCK), read(ClockItem, {**CLOCK, "fired": [REPORT]})
    assert isinstance(looked_at, ClockItem)
    assert isinstance(advanced, ClockItem)
    assert (looked_at.fired, [each.id for each in advanced.fired]) == ((), ["5A-1"])


@pytest.mark.parametrize(
    ("kind", "members", "name"),
    [
        (ReportItem, REPORT, "outcome"),
        (ClockItem, CLOCK, "mode"),
        (LedgerItem, MOVEMENT, "reason"),
        (TimelineEntry, ENTRY, "kind"),
        (PendingItem, PENDING, "kind"),
        (RequestItem, REQUEST, "kind"),
        (TroubleItem, {"trouble": "expired", "url": "https://a/"}, "trouble"),
    ],
)
def test_a_word_that_nobody_knows_yet_is_read(kind: type[msgspec.Struct], members: Members, name: str) -> None:
    assert getattr(read(kind, {**members, name: "a new word"}), name) == "a new word"


def test_what_customers_and_handshakes_said_is_read_as_objects() -> None:
    message = read(MessageItem, {**MESSAGE, "customer_body": {"order": 1}})
    request = read(RequestItem, {**REQUEST, "tls": {"version": "TLSv1.3", "cipher": "c", "peer": None}})
    assert isinstance(message, MessageItem)
    assert isinstance(request, RequestItem)
    assert (message.customer_body, request.tls) == (
        {"order": 1},
        {"version": "TLSv1.3", "cipher": "c", "peer": None},
    )


def test_the_client_has_a_name_for_what_its_operations_return() -> None:
    assert sorted(name for name in vars(models) if name in models.__all__) == models.__all__
    returned = {get_origin(kind) or kind for kind, _ in ANSWERS} - {Info, WaitProblem}
    assert returned <= {get_origin(getattr(models, name)) or getattr(models, name) for name in models.__all__}
