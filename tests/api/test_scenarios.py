"""Scenarios over the API."""

import asyncio
import json
import threading

import pytest

from cloudsms_simulator.config.scenario_file import load_scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.config.scenario_schema import scenario_json_schema
from cloudsms_simulator.engine.records import Push, PushResult

NOON = "2026-11-22T12:00:00+08:00"
NIGHT = """\
version: 1
name: night
about: a quiet one
rules: [{ id: busy, match: { to: "852*" }, reply: [{ code: Busy, times: 2 }, OK] }]
"""
STATELESS = NIGHT + "states: [open, closed]\n"
PLAYING = {"name": "night", "about": "a quiet one", "since": NOON}
USE, STOP, VALIDATE = "/api/v1/scenarios/use", "/api/v1/scenarios/stop", "/api/v1/scenarios/validate"


def problems(scene, path: str, body: object, status: int = 400) -> list[str]:
    answer = scene.client.post(path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem = answer.json()
    assert problem["detail"] == "\n".join(problem["problems"])
    listed: list[str] = problem["problems"]
    return listed


def test_the_bundled_scenarios_are_listed_with_what_they_are_about(scene) -> None:
    page = scene.get("/api/v1/scenarios")
    assert page["items"] == [{"name": path.stem, "about": load_scenario(path).about} for path in bundled_scenarios()]
    assert (page["total"], page["cursor"], page["evicted"], page["playing"]) == (len(page["items"]), None, 0, None)


def test_the_schema_is_served_as_one(scene) -> None:
    answer = scene.client.get("/api/v1/scenarios/schema")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
    assert answer.content == scenario_json_schema()


def test_a_bundled_scenario_is_put_to_use_by_name(scene) -> None:
    path = next(path for path in bundled_scenarios() if path.stem == "flaky")
    playing = {"name": "flaky", "about": load_scenario(path).about, "since": NOON}
    assert scene.post(USE, {"name": "flaky"}) == {"playing": playing, "seed": 42, "warnings": [], "tls": []}
    assert scene.get("/api/v1/scenarios")["playing"] == playing
    assert scene.get("/api/v1/scenarios", account="shop")["playing"] is None


def test_a_text_is_put_to_use_for_the_account_asked_for_with_the_seed_asked_for(scene) -> None:
    scene.post("/api/v1/clock/advance", {"by": "1h"}, account="shop")
    playing = PLAYING | {"since": "2026-11-22T13:00:00+08:00"}
    used = scene.post(USE, {"text": NIGHT, "seed": 3}, account="shop")
    assert used == {"playing": playing, "seed": 3, "warnings": [], "tls": []}
    assert scene.get("/api/v1/scenarios", account="shop")["playing"] == playing
    assert scene.get("/api/v1/scenarios")["playing"] is None


def test_what_a_scenario_warns_of_is_told(scene) -> None:
    used = scene.post(USE, {"text": STATELESS})
    assert used["warnings"] == ['scenario.yaml:5:16: states[1]: the state "closed" is named by no rule']


def test_a_scenario_decides_until_it_is_stopped(scene) -> None:
    default = scene.stage.accounts[0]
    scene.post(USE, {"text": NIGHT})
    assert scene.send(default).code == 3
    assert scene.post(STOP) == {"playing": None, "seed": 0, "warnings": [], "tls": []}
    assert scene.get("/api/v1/scenarios")["playing"] is None
    assert scene.send(default).code == 1


def test_the_listeners_of_a_scenario_are_opened_and_told(scene) -> None:
    tls = scene.post(USE, {"text": "version: 1\ntls: [expired, wrong_host]"})["tls"]
    assert [each["trouble"] for each in tls] == ["expired", "wrong_host"]
    assert scene.get("/api/v1/faults/tls")["items"] == tls


def test_a_scenario_whose_listener_cannot_be_opened_is_not_put_to_use(scene) -> None:
    told = scene.post(USE, {"text": "version: 1\ntls: cut_handshake"}, 503)
    assert told == "no listener with the trouble cut_handshake: certs: the folder is gone; make it again"
    assert scene.get("/api/v1/scenarios")["playing"] is None


# What is wrong


def test_a_text_is_checked_without_being_put_to_use(scene) -> None:
    assert scene.post(VALIDATE, {"text": NIGHT}) == {"problems": [], "warnings": [], "name": "night"}
    assert scene.post(VALIDATE, {"text": STATELESS}) == {
        "problems": [],
        "warnings": ['scenario.yaml:5:16: states[1]: the state "closed" is named by no rule'],
        "name": "night",
    }
    assert scene.get("/api/v1/scenarios")["playing"] is None


def test_every_mistake_of_a_text_is_told(scene) -> None:
    text = "version: 2\nrules:\n  - reprot: []\n  - reply: Bussy\n"
    verdict = scene.post(VALIDATE, {"text": text})
    assert (verdict["warnings"], verdict["name"]) == ([], None)
    assert [problem.partition(" ")[0] for problem in verdict["problems"]] == [
        "scenario.yaml:1:10:",
        "scenario.yaml:3:5:",
        "scenario.yaml:4:12:",
    ]
    assert problems(scene, USE, {"text": text}) == verdict["problems"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("include: ./other.yaml", 'scenario.yaml:2:10: include[0]: there is no bundled scenario "./other.yaml", want'),
        ("include: [/etc/x.yaml]", 'scenario.yaml:2:11: include[0]: there is no bundled scenario "/etc/x.yaml", want'),
        (
            "timeline: [{ at: 1h, scenario: x.json }]",
            'scenario.yaml:2:32: timeline[0].scenario: there is no bundled scenario "x.json", want',
        ),
    ],
)
def test_a_text_may_name_no_file_of_the_server(scene, text: str, told: str) -> None:
    (problem,) = problems(scene, USE, {"text": f"version: 1\n{text}"})
    assert problem.startswith(told)


def test_a_text_may_name_bundled_scenarios(scene) -> None:
    text = "version: 1\ninclude: intercept\ntimeline: [{ at: 1h, scenario: blackout }]"
    assert scene.post(VALIDATE, {"text": text})["problems"] == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, 'want one of name and text, such as {"name": "flaky"}'),
        ({"name": "flaky", "text": NIGHT}, 'want one of name and text, such as {"name": "flaky"}'),
        ({"name": 5}, "name: got 5, want the name of a bundled scenario"),
        ({"text": []}, "text: got [], want a scenario, as it would stand in a file"),
        ({"name": "flaky", "seed": -1}, "seed: got -1, want a whole number from 0 up; unless said the scenario's"),
        ({"nmae": "flaky"}, 'unknown key "nmae"; did you mean "name"?'),
    ],
)
def test_who_does_not_say_which_scenario_is_told_how(scene, body: object, told: str) -> None:
    assert scene.post(USE, body, 400) == told


@pytest.mark.parametrize("name", ["flakey", "./flaky.yaml", "../scenarios/flaky", ""])
def test_a_scenario_that_is_not_bundled_is_404_and_names_those_that_are(scene, name: str) -> None:
    told = scene.post(USE, {"name": name}, 404)
    assert f'there is no bundled scenario "{name}", want one of answer-lost, ' in told


def test_a_text_is_needed_to_be_checked(scene) -> None:
    assert scene.post(VALIDATE, status=400) == "text is missing: want a scenario, as it would stand in a file"


def test_a_text_may_be_as_large_as_a_file(scene) -> None:
    for octets, status in ((1024 * 1024, 200), (1024 * 1024 + 1, 413)):
        body = json.dumps({"text": NIGHT}).encode().ljust(octets)
        answer = scene.client.post(VALIDATE, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status


@pytest.mark.parametrize("path", [USE, STOP])
def test_an_account_nobody_has_is_404(scene, path: str) -> None:
    assert scene.post(path, status=404, account="shpo") == 'there is no account "shpo"; there is default, shop'


# In turn with clocks and resets


def test_while_the_clock_is_moved_a_scenario_waits(scenes, customer) -> None:
    scene = scenes(customer())
    reached, answered = threading.Event(), threading.Event()

    async def hang(_push: Push) -> PushResult:
        reached.set()
        await asyncio.to_thread(answered.wait, 20)
        return PushResult(200)

    scene.stage.pusher.post = hang
    scene.send(scene.stage.account)
    told: list[tuple[str, object]] = []

    def call(name: str, path: str, body: object) -> threading.Thread:
        thread = threading.Thread(target=lambda: told.append((name, scene.post(path, body))))
        thread.start()
        return thread

    moving = call("moved", "/api/v1/clock/advance", {"by": "1h"})
    assert reached.wait(20)
    using = call("used", USE, {"text": NIGHT})
    assert scene.get("/api/v1/scenarios")["playing"] is None
    answered.set()
    moving.join(20)
    using.join(20)
    assert dict(told)["used"]["playing"] == PLAYING | {"since": "2026-11-22T13:00:00+08:00"}


def test_while_it_stops_no_scenario_is_put_to_use(scene) -> None:
    scene.client.portal.call(scene.stage.timekeeper.close)
    assert scene.post(USE, {"text": NIGHT}, 503) == "the simulator is stopping"
