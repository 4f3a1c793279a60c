"""Messages over the API: one by one, with their timeline, parts and code, and states that are forced on them."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.plan import plan_of, step

SECOND = timedelta(seconds=1)
NOON = "2026-11-22T12:00:00+08:00"


def sent(scene, **fields: object) -> str:
    """The SMS_UID of a message of the first account."""
    answer = json.loads(scene.send(scene.stage.account, **fields).body)
    uid: str = answer["DETAIL_LIST"][0]["SMS_UID"]
    return uid


def test_a_message_is_shown_as_the_account_has_it(scene, shop) -> None:
    scene.send(shop)
    [item] = scene.get("/api/v1/messages", account="shop")["items"]
    assert (item["account"], item["to"], item["state_name"]) == ("shop", "85267000011", "DELIVERED")


def test_one_message_is_shown_as_the_list_has_it(scene) -> None:
    uid = sent(scene)
    assert [scene.get(f"/api/v1/messages/{uid}")] == scene.get("/api/v1/messages")["items"]


@pytest.mark.parametrize("below", ["", "/timeline", "/segments", "/otp"])
def test_a_message_that_is_not_there_is_told_where_it_may_be(scenes, shop, below: str) -> None:
    scene = scenes(Account(), shop, most_messages=1)
    uid = sent(scene)
    told = scene.told("GET", f"/api/v1/messages/{uid}{below}", None, 404, account="shop")
    assert told == f'there is no message "{uid}" of account "shop"; account=default has it'
    told = scene.told("GET", f"/api/v1/messages/nobody{below}", None, 404)
    assert told == 'there is no message "nobody" of account "default", and nothing is gone from its journal'
    scene.post("/api/v1/clock/advance", {"by": "1s"})
    sent(scene)
    told = scene.told("GET", f"/api/v1/messages/{uid}{below}", None, 404)
    gone = "1 messages are gone from the journal, and it may have been one of them"
    assert told == f'there is no message "{uid}" of account "default"; {gone}'


def test_a_timeline_tells_what_happened_and_what_is_to_come(scene) -> None:
    uid = sent(scene, CUSTOMER_BODY={"order": 1})
    item = scene.get(f"/api/v1/messages/{uid}/timeline")
    assert (item["uid"], item["account"], item["to"]) == (uid, "default", "85267000011")
    assert (item["now"], item["settled"]) == (NOON, False)
    kinds = [(entry["kind"], entry["to_come"]) for entry in item["items"]]
    assert kinds == [
        ("received", False),
        ("checked", False),
        ("decided", False),
        ("priced", False),
        ("debited", False),
        ("answered", False),
        ("planned", True),
    ]
    [debited] = [entry for entry in item["items"] if entry["kind"] == "debited"]
    assert debited == {
        "at": NOON,
        "wall_at": None,
        "kind": "debited",
        "text": "USD 0.05 was debited, which left a balance of USD 999.95.",
        "to_come": False,
        "request_id": None,
        "report_id": None,
        "attempt": None,
        "state": None,
        "state_name": None,
        "amount": {"amount": "-0.05", "currency": "USD"},
        "finding": None,
    }
    scene.post("/api/v1/clock/advance", {"by": "1s"})
    item = scene.get(f"/api/v1/messages/{uid}/timeline")
    assert [entry["kind"] for entry in item["items"]][6:] == ["reached", "report", "no_callback"]
    assert [entry["report_id"] for entry in item["items"]][6:] == [f"{uid}-1"] * 3
    assert item["settled"] is True


def test_the_parts_of_a_message_are_those_a_handset_gets(scene) -> None:
    uid = sent(scene, SMS_CONTENT="It’s " + "x" * 100, SIGNATURE="Shop", SIGNATURE_TYPE=4)
    item = scene.get(f"/api/v1/messages/{uid}/segments")
    assert [(part["length"], part["room"]) for part in item["parts"]] == [(67, 67), (44, 67)]
    assert "".join(part["text"] for part in item["parts"]) == item["text"] == "It’s " + "x" * 100 + "[Shop]"
    assert (item["dcs"], item["segments"], item["table_segments"], item["packed_segments"]) == (8, 2, 2, 2)
    assert [(each["index"], each["character"], each["look_alike"]) for each in item["forcing"]] == [(2, "’", "'")]
    assert item["rewritten"]["saved"] == {"amount": "0.05", "currency": "USD"}
    assert item["signature"] == {"text": "[Shop]", "start": 105, "end": 111}
    assert item["bytes"] == 222


def test_the_one_time_password_of_a_message_is_found(scene) -> None:
    uid = sent(scene, SMS_CONTENT="Order 20261122, valid for 5 minutes: your code is 4711.")
    assert scene.get(f"/api/v1/messages/{uid}/otp") == {"code": "4711"}
    uid = sent(scene, SMS_CONTENT="Hello")
    told = scene.told("GET", f"/api/v1/messages/{uid}/otp", None, 404)
    assert told == f"message {uid} has no number of 4 to 8 digits that could be one"


def test_a_final_state_that_is_forced_is_reached_and_reported_at_once_and_nothing_follows(scenes, customer) -> None:
    scene = scenes(customer(step(1, SECOND), step(2, 2 * SECOND)))
    uid = sent(scene)
    forced = scene.post(f"/api/v1/messages/{uid}/report", {"state": "UNDELIVERABLE"})
    assert (forced["state"], forced["state_name"], forced["final"], forced["dropped"]) == (
        5,
        "UNDELIVERABLE",
        True,
        False,
    )
    assert (forced["due_at"], forced["message"]["state"], forced["message"]["final"]) == (NOON, 5, True)
    assert (forced["report"]["id"], forced["report"]["outcome"]) == (f"{uid}-1", "answered")
    assert scene.get("/api/v1/clock")["next_due_at"] is None
    scene.post("/api/v1/clock/advance", {"by": "PT26H"})
    assert [report["state"] for report in scene.get("/api/v1/reports")["items"]] == [5]


def test_a_state_may_be_forced_for_later_and_is_refunded_as_planned_ones_are(scenes, customer) -> None:
    scene = scenes(customer())
    uid = sent(scene)
    forced = scene.post(f"/api/v1/messages/{uid}/report", {"state": 8, "after": "3s"})
    assert (forced["due_at"], forced["report"]) == ("2026-11-22T12:00:03+08:00", None)
    scene.post("/api/v1/clock/advance", {"by": "2s"})
    assert scene.get(f"/api/v1/messages/{uid}")["state"] is None, "what was planned is no more"
    scene.post("/api/v1/clock/advance", {"by": "1s"})
    assert scene.get(f"/api/v1/messages/{uid}")["refunded"] is True
    assert scene.get("/api/v1/accounts/default")["balance"] == {"amount": "1000.00", "currency": "USD"}


def test_a_message_with_a_final_state_keeps_it_and_may_be_reported_again(scenes, customer) -> None:
    scene = scenes(customer())
    uid = sent(scene)
    scene.post("/api/v1/clock/advance", {"by": "1s"})
    told = scene.post(f"/api/v1/messages/{uid}/report", {"state": "REJECTED"}, 409)
    assert told == (
        f"message {uid} is DELIVERED since 2026-11-22T12:00:01+08:00, and nothing follows a final state; "
        'with "again": true one more report is pushed, which changes neither the state nor any money, and '
        f"POST /api/v1/reports/{uid}-1/resend pushes the same one again"
    )
    forced = scene.post(f"/api/v1/messages/{uid}/report", {"state": "REJECTED", "again": True})
    assert (forced["message"]["state_name"], forced["message"]["refunded"]) == ("DELIVERED", False)
    assert (forced["report"]["id"], forced["report"]["state_name"]) == (f"{uid}-2", "REJECTED")
    assert forced["report"]["outcome"] == "answered"
    assert scene.get("/api/v1/accounts/default")["balance"] == {"amount": "999.95", "currency": "USD"}


def test_what_would_come_after_a_final_state_is_told_so(scenes, customer) -> None:
    scene = scenes(customer())
    uid = sent(scene)
    told = scene.post(f"/api/v1/messages/{uid}/report", {"state": "ENROUTE", "after": "1m"}, 409)
    assert told == (
        f"message {uid} is DELIVERED by 2026-11-22T12:01:00+08:00, and nothing follows a final state; "
        "force ENROUTE earlier, or a final state in the place of DELIVERED"
    )
    forced = scene.post(f"/api/v1/messages/{uid}/report", {"state": "DELIVERED", "after": "26h"})
    assert (forced["dropped"], forced["message"]["state"]) == (True, None)
    assert scene.get("/api/v1/clock")["next_due_at"] == "2026-11-23T13:00:00+08:00"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, 'state is missing: want the name of a state such as "DELIVERED", or its number'),
        ({"state": "GONE"}, 'state: got "GONE", want the name of a state such as "DELIVERED", or its number'),
        ({"state": -1}, 'state: got -1, want the name of a state such as "DELIVERED", or its number'),
        ({"state": True}, 'state: got true, want the name of a state such as "DELIVERED", or its number'),
        ({"state": 2, "after": "soon"}, 'after: got "soon", want a duration with its unit, such as "3s", "250ms"'),
        ({"state": 2, "after": -1}, "after: got -1.0, want a duration that is not negative"),
        ({"state": 2, "final": "no"}, 'final: got "no", want true or false: whether nothing follows'),
        ({"state": 2, "agian": True}, 'unknown key "agian"; did you mean "again"?'),
    ],
)
def test_a_wish_that_is_none_is_told_what_one_is(scene, body: object, told: str) -> None:
    uid = sent(scene)
    assert str(scene.post(f"/api/v1/messages/{uid}/report", body, 400)).startswith(told)
    assert scene.get("/api/v1/reports")["total"] == 0


def test_a_clock_at_its_end_forces_nothing_later(scene) -> None:
    scene.post("/api/v1/clock/advance", {"to": "2111-12-30T00:00:00+08:00"})
    uid = sent(scene)
    told = scene.post(f"/api/v1/messages/{uid}/report", {"state": 2, "after": "10d"}, 400)
    good = "a moment from 1970-01-01T08:00:00+08:00 to 2112-01-01T00:00:00+08:00"
    assert told == f"after: it is 2111-12-30T00:00:00+08:00, and a clock shows {good}; want a shorter duration"


def test_a_state_for_nobody_is_told_so(scene) -> None:
    told = scene.post("/api/v1/messages/nobody/report", {"state": 2}, 404)
    assert str(told).startswith('there is no message "nobody" of account "default"')


def test_money_and_numbers_may_be_anything_a_scenario_says(scenes) -> None:
    scene = scenes(Account(prices={852: Decimal("0.1")}, plan=plan_of(step(2, SECOND))))
    uid = sent(scene)
    forced = scene.post(f"/api/v1/messages/{uid}/report", {"state": 99, "final": False})
    assert (forced["state_name"], forced["message"]["state"], forced["message"]["final"]) == ("UNKNOWN", 99, False)
    scene.post("/api/v1/clock/advance", {"by": "1s"})
    assert scene.get(f"/api/v1/messages/{uid}")["state_name"] == "DELIVERED"
