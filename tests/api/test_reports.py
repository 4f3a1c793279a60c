"""Reports over the API: one by one, what is still due, and one that is pushed once more."""

import asyncio
import json
import threading
from datetime import timedelta

import pytest

from cloudsms_simulator.engine.plan import step
from cloudsms_simulator.engine.records import Push, PushResult

SECOND = timedelta(seconds=1)


def sent(scene, count: int = 1) -> list[str]:
    """The SMS_UIDs of messages of the first account."""
    answer = json.loads(scene.send(scene.stage.account, count).body)
    return [item["SMS_UID"] for item in answer["DETAIL_LIST"]]


def test_a_report_is_shown_with_what_came_of_it(scene, shop) -> None:
    scene.send(shop)
    [item] = scene.get("/api/v1/reports", account="shop")["items"]
    assert (item["state_name"], item["outcome"], item["attempts"]) == ("DELIVERED", "no_callback", [])
    assert scene.get(f"/api/v1/reports/{item['id']}", account="shop") == item


@pytest.mark.parametrize(("method", "below"), [("GET", ""), ("POST", "/resend")])
def test_a_report_that_is_not_there_is_told_why(scene, shop, method: str, below: str) -> None:
    [uid] = sent(scene)

    def told(report_id: str, **query: str) -> object:
        return scene.told(method, f"/api/v1/reports/{report_id}{below}", None, 404, **query)

    assert told(f"{uid}-1") == f'there is no report "{uid}-1" of message {uid}; it has none yet'
    scene.post("/api/v1/clock/advance", {"by": "1s"})
    for number in ("0", "2", "x", "", "²", "9" * 30):
        assert (
            told(f"{uid}-{number}") == f'there is no report "{f"{uid}-{number}"[:60]}" of message {uid}; it has {uid}-1'
        )
    assert str(told("x-1")).startswith('there is no report "x-1" of account "default", and nothing is gone')
    assert str(told(f"{uid}-1", account="shop")).endswith("; account=default has it")


def test_what_is_due_comes_soonest_first(scenes, customer) -> None:
    scene = scenes(customer(step(1, SECOND), retries=(timedelta(minutes=1),)))
    [uid] = sent(scene)
    page = scene.get("/api/v1/reports/pending")
    assert (page["total"], page["cursor"], page["evicted"]) == (2, None, 0)
    first, second = page["items"]
    assert first == {
        "uid": uid,
        "report_id": f"{uid}-1",
        "to": "85267000011",
        "state": 1,
        "state_name": "ENROUTE",
        "due_at": "2026-11-22T12:00:01+08:00",
        "in_s": 1.0,
        "attempt": 1,
        "kind": "planned",
    }
    assert (second["kind"], second["state_name"], second["in_s"]) == ("expiry", "EXPIRED", 90_000.0)

    async def fail(_push: Push) -> PushResult:
        return PushResult(503)

    scene.stage.pusher.post = fail
    scene.post("/api/v1/clock/advance", {"by": "1s"})
    retry, expiry = scene.get("/api/v1/reports/pending")["items"]
    assert (retry["kind"], retry["attempt"], retry["in_s"], expiry["kind"]) == ("retry", 2, 60.0, "expiry")
    scene.post("/api/v1/clock/run-until-idle")
    assert scene.get("/api/v1/reports/pending") == {"items": [], "total": 0, "cursor": None, "evicted": 0}


def test_what_is_due_comes_in_pages_and_can_be_searched(scenes, customer) -> None:
    scene = scenes(customer())
    uids = sent(scene, 3)
    first = scene.get("/api/v1/reports/pending", limit=2)
    rest = scene.get("/api/v1/reports/pending", limit=2, cursor=first["cursor"])
    assert [item["uid"] for item in (*first["items"], *rest["items"])] == uids
    assert [item["uid"] for item in scene.get("/api/v1/reports/pending", q=f"uid:{uids[1]}")["items"]] == [uids[1]]


def test_a_report_is_pushed_once_more_with_another_serial_and_time(scenes, customer) -> None:
    scene = scenes(customer())
    [uid] = sent(scene)
    scene.post("/api/v1/clock/advance", {"by": "1m"})
    item = scene.post(f"/api/v1/reports/{uid}-1/resend")
    assert (item["outcome"], len(item["attempts"])) == ("answered", 2)
    first, second = (json.loads(attempt["request"]) for attempt in item["attempts"])
    assert [first.pop("SERIAL"), second.pop("SERIAL")] == [1, 2]
    assert [first.pop("TIME"), second.pop("TIME")] == ["2026-11-22 12:00:01", "2026-11-22 12:01:00"]
    assert first == second
    assert (first["SMS_UID"], first["REPORT_TIME"]) == (uid, "2026-11-22 12:00:01")


def test_a_report_is_not_pushed_once_more_while_a_push_of_it_is_on_the_way(scenes, customer) -> None:
    scene = scenes(customer())
    reached, answered = threading.Event(), threading.Event()

    async def hang(_push: Push) -> PushResult:
        reached.set()
        await asyncio.to_thread(answered.wait, 20)
        return PushResult(200)

    scene.stage.pusher.post = hang
    [uid] = sent(scene)
    call = threading.Thread(target=lambda: scene.post("/api/v1/clock/advance", {"by": "1h"}))
    call.start()
    assert reached.wait(20)
    told = scene.post(f"/api/v1/reports/{uid}-1/resend", None, 409)
    answered.set()
    call.join(20)
    assert told == f"a push of report {uid}-1 is on the way; wait until it ended"
    assert len(scene.post(f"/api/v1/reports/{uid}-1/resend")["attempts"]) == 2


def test_without_a_callback_nothing_is_pushed_once_more(scene, shop) -> None:
    scene.send(shop)
    [item] = scene.get("/api/v1/reports", account="shop")["items"]
    told = scene.post(f"/api/v1/reports/{item['id']}/resend", None, 409, account="shop")
    assert told == f'account "shop" has no callback; set one, and report {item["id"]} can be pushed'
