"""Clocks over the API. Reading: R15."""

import asyncio
import threading

import pytest

from cloudsms_simulator.engine.records import Push, PushResult

NOON = "2026-11-22T12:00:00+08:00"
STANDING = {
    "now": NOON,
    "mode": "frozen",
    "rate": 0.0,
    "settled": True,
    "running": 0,
    "pending": 0,
    "next_due_at": None,
}


def test_a_clock_is_shown(scene) -> None:
    assert scene.get("/api/v1/clock") == STANDING
    scene.send(scene.stage.accounts[0], 2)
    assert scene.get("/api/v1/clock") == STANDING | {"pending": 2, "next_due_at": "2026-11-22T12:00:01+08:00"}
    assert scene.get("/api/v1/clock", account="shop") == STANDING


@pytest.mark.parametrize(
    ("body", "now"),
    [
        ({"by": "PT25H"}, "2026-11-23T13:00:00+08:00"),
        ({"by": "3s"}, "2026-11-22T12:00:03+08:00"),
        ({"by": 90}, "2026-11-22T12:01:30+08:00"),
        ({"by": 0.5}, "2026-11-22T12:00:00.500000+08:00"),
        ({"by": 0}, NOON),
        ({"to": "2026-11-22T05:00:00Z"}, "2026-11-22T13:00:00+08:00"),
        ({"to": "2026-11-23T00:00:00+08:00", "timeout": "5s"}, "2026-11-23T00:00:00+08:00"),
        ({"by": "1m", "to": None, "timeout": 5}, "2026-11-22T12:01:00+08:00"),
    ],
)
def test_a_clock_is_advanced_by_a_duration_or_to_a_moment(scene, body: object, now: str) -> None:
    assert scene.post("/api/v1/clock/advance", body) == STANDING | {"now": now, "fired": []}
    assert scene.get("/api/v1/clock")["now"] == now


def test_what_fired_is_told_as_reports_are(scene) -> None:
    scene.send(scene.stage.accounts[0])
    item = scene.post("/api/v1/clock/advance", {"by": "1h"})
    assert item["fired"] == scene.get("/api/v1/reports")["items"]
    assert [(each["state_name"], each["outcome"]) for each in item["fired"]] == [("DELIVERED", "no_callback")]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, 'want one of by and to, such as {"by": "PT25H"}'),
        ({"by": "1s", "to": NOON}, 'want one of by and to, such as {"by": "PT25H"}'),
        ({"by": "soon"}, 'by: got "soon", want a duration with its unit, such as "3s", "250ms", "1h30m" or "PT25H"'),
        ({"by": -1}, "by: got -1.0, want a duration that is not negative"),
        ({"by": 1e12}, "by: got 1000000000000.0, want a duration of at most 3650 days"),
        ({"by": "-3s"}, 'by: got "-3s", want a duration with its unit, such as "3s", "250ms", "1h30m" or "PT25H"'),
        ({"by": "1s", "timeout": "1h1s"}, "timeout: got 1h1s, want at most an hour; call again for what is left"),
        ({"by": "1s", "timeout": None}, 'timeout: got null, want seconds, or a duration such as "30s", of at most'),
        ({"to": "9999-12-31T23:59:59Z"}, "9999-12-31T23:59:59+00:00 is not a moment from 1970-01-01T08:00:00+08:00 to"),
        ({"to": "2112-01-01T00:00:00.000001+08:00"}, "2112-01-01T00:00:00.000001+08:00 is not a moment from 1970"),
        ({"to": "0001-01-01T00:00:00+08:00"}, f"a clock only goes forward: it is {NOON}, after 0001-01-01T00:00:00"),
        ({"to": "2026-11-22T11:59:59+08:00"}, f"a clock only goes forward: it is {NOON}, after 2026-11-22T11:59:59"),
    ],
)
def test_an_advance_that_does_not_go_is_told_why(scene, body: object, told: str) -> None:
    detail = scene.post("/api/v1/clock/advance", body, 400)
    assert str(detail).startswith(told)
    assert scene.get("/api/v1/clock") == STANDING


def test_at_the_last_moment_there_is_everything_is_shown_and_nothing_beyond_it_comes(scene) -> None:
    [account, shop] = scene.stage.accounts[:2]
    scene.post("/api/v1/clock/advance", {"to": "2112-01-01T00:00:00+08:00"}, account="shop")
    assert scene.post("/api/v1/clock/advance", {"by": 0}, account="shop")["now"] == "2112-01-01T00:00:00+08:00"
    told = scene.post("/api/v1/clock/advance", {"by": "1us"}, 400, account="shop")
    assert str(told).startswith("it is 2112-01-01T00:00:00+08:00, and a clock shows a moment from 1970-01-01T08:00:00")

    scene.post("/api/v1/clock/advance", {"to": "2111-12-31T23:59:59.500000+08:00"})
    scene.send(account)
    scene.send(shop)
    shown = scene.post("/api/v1/clock/run-until-idle")
    assert (shown["now"], shown["settled"], shown["pending"]) == ("2111-12-31T23:59:59.500000+08:00", True, 1)
    assert shown["next_due_at"] == "2112-01-01T00:00:00.500000+08:00"
    [message] = scene.get("/api/v1/messages")["items"]
    timeline = scene.get(f"/api/v1/messages/{message['uid']}/timeline")
    assert timeline["items"][-1]["at"] >= "2112-01-01T00:00:00.500000+08:00"
    for rate in (1, 1e6):
        scene.post("/api/v1/clock/resume", {"rate": rate})
        assert scene.get("/api/v1/clock")["now"] <= "2112-01-01T00:00:00+08:00"


def test_a_clock_resumes_at_a_rate_and_freezes_again(scene) -> None:
    resumed = scene.post("/api/v1/clock/resume")
    assert (resumed["mode"], resumed["rate"], "fired" in resumed) == ("real", 1.0, False)
    resumed = scene.post("/api/v1/clock/resume", {"rate": 3600})
    assert (resumed["mode"], resumed["rate"], resumed["now"] >= NOON) == ("scaled", 3600.0, True)
    frozen = scene.post("/api/v1/clock/freeze")
    assert (frozen["mode"], frozen) == ("frozen", scene.get("/api/v1/clock"))
    assert scene.get("/api/v1/clock", account="shop") == STANDING


@pytest.mark.parametrize("rate", [0, -1, 1e-4, 1e7, "fast"])
def test_a_rate_that_is_none_is_told_what_one_is(scene, rate: object) -> None:
    detail = scene.post("/api/v1/clock/resume", {"rate": rate}, 400)
    assert str(detail).endswith(", want how many times as fast, 0.001 to 1,000,000")


def test_a_clock_runs_until_idle(scenes, customer) -> None:
    scene = scenes(customer())
    scene.send(scene.stage.account, 3)
    item = scene.post("/api/v1/clock/run-until-idle", {"timeout": 20})
    assert (item["now"], item["settled"], item["pending"]) == ("2026-11-22T12:00:01+08:00", True, 0)
    assert [report["outcome"] for report in item["fired"]] == ["answered"] * 3


def test_out_of_time_it_says_that_it_is_not_settled(scenes, customer) -> None:
    scene = scenes(customer())
    answered = threading.Event()

    async def hang(_push: Push) -> PushResult:
        await asyncio.to_thread(answered.wait, 20)
        return PushResult(200)

    scene.stage.pusher.post = hang
    scene.send(scene.stage.account)
    item = scene.post("/api/v1/clock/advance", {"by": "1h", "timeout": 0.02})
    assert (item["settled"], item["running"], item["now"]) == (False, 1, "2026-11-22T12:00:01+08:00")
    answered.set()
    item = scene.post("/api/v1/clock/run-until-idle")
    assert (item["settled"], item["pending"]) == (True, 0)
    assert [report["outcome"] for report in scene.get("/api/v1/reports")["items"]] == ["answered"]


def test_who_advances_an_account_that_is_reset_is_told_so(scenes, customer) -> None:
    scene = scenes(customer())
    reached = threading.Event()

    async def hang(_push: Push) -> PushResult:
        reached.set()
        return await asyncio.get_running_loop().create_future()

    scene.stage.pusher.post = hang
    scene.send(scene.stage.account)
    told: list[object] = []
    call = threading.Thread(target=lambda: told.append(scene.post("/api/v1/clock/advance", {"by": "1h"}, 409)))
    call.start()
    assert reached.wait(20)
    scene.post("/api/v1/accounts/default/reset")
    call.join(20)
    assert told == ["the account was reset meanwhile, so nothing is left to wait for"]
