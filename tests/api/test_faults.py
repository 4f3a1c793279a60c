"""Faults over the API, and listeners with trouble in TLS."""

import pytest

FAULTS, TLS = "/api/v1/faults", "/api/v1/faults/tls"
LOST = {"id": "lost", "match": {"to": "852*"}, "fault": "PROCESSED_NO_ANSWER", "times": 1}
NOTHING = {"items": [], "total": 0, "cursor": None, "evicted": 0}


def item(hits: int = 0) -> dict[str, object]:
    shown = {"id": "lost", "kind": "fault", "book": None, "hits": hits, "enabled": True, "definition": LOST}
    return shown | {"warnings": []}


def test_a_fault_is_laid_down_and_befalls_answers(scene) -> None:
    assert scene.post(FAULTS, LOST) == item()
    default = scene.stage.accounts[0]
    assert [scene.send(default).trouble is None for _ in range(2)] == [False, True]
    assert scene.get(FAULTS) == NOTHING | {"items": [item(1)], "total": 1}
    assert [each["fault"] for each in scene.get("/api/v1/requests")["items"]] == [None, "PROCESSED_NO_ANSWER"]


def test_faults_alone_are_listed_and_taken_back(scene) -> None:
    rule = scene.post("/api/v1/rules", {"reply": "Busy"})
    scene.post(FAULTS, LOST)
    scene.post(FAULTS, {"delay": "1ms"})
    assert [each["id"] for each in scene.get(FAULTS)["items"]] == ["fault-1", "lost"]
    assert scene.delete(f"{FAULTS}/fault-1") == NOTHING | {"items": [item()], "total": 1}
    assert scene.delete(FAULTS) == NOTHING
    assert scene.get("/api/v1/rules")["items"] == [rule]


def test_a_rule_is_no_fault(scene) -> None:
    scene.post("/api/v1/rules", {"id": "busy", "reply": "Busy"})
    assert scene.delete(f"{FAULTS}/busy", 404) == 'there is no fault "busy"; there is none'


def test_a_fault_that_does_not_fit_is_told_what_would(scene) -> None:
    told = scene.post(FAULTS, {"fault": "DRIBLE", "times": 0}, 400)
    first, second = str(told).splitlines()
    assert first.startswith('fault:1:10: fault: got "DRIBLE", want one of ')
    assert first.endswith('; did you mean "DRIBBLE"?')
    assert second.startswith("fault:1:27: times: got 0, want ")


def test_a_listener_in_trouble_is_opened_once_and_told(scene) -> None:
    assert scene.get(TLS) == NOTHING
    opened = scene.post(TLS, {"trouble": "expired"})
    assert opened == {"trouble": "expired", "url": "https://127.0.0.1:50000/dave/io"}
    assert scene.post(TLS, {"trouble": "expired"}) == opened
    other = scene.post(TLS, {"trouble": "wrong_host"})
    assert scene.get(TLS) == NOTHING | {"items": [opened, other], "total": 2}


WANT = "want one of expired, not_yet_valid, wrong_host, unknown_ca, wrong_usage, cut_handshake"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"trouble": "expird"}, 400, f'trouble: got "expird", {WANT}'),
        ({}, 400, f"trouble is missing: {WANT}"),
        (
            {"trouble": "cut_handshake"},
            503,
            "no listener with the trouble cut_handshake: certs: the folder is gone; make it again",
        ),
    ],
)
def test_a_listener_that_cannot_be_is_told_why(scene, body: object, status: int, told: str) -> None:
    assert scene.post(TLS, body, status) == told
