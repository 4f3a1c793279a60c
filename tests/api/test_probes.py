"""Probes: alive, and ready or not. And what else a store answers that fails."""

import pytest

from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import DatabaseFacts, StoreError


async def fails(*_: object) -> None:
    raise StoreError("the disk is gone")


def test_it_is_alive_and_it_is_ready_or_not(scene) -> None:
    assert scene.get("/livez") == scene.get("/readyz") == {"status": "ok"}
    scene.ready = False
    answer = scene.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready"})
    assert scene.get("/livez") == {"status": "ok"}


def test_it_is_not_ready_while_its_store_cannot_be_written_and_says_why(scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for trouble in ("the disk is full", None):
        facts = DatabaseFacts("sqlite", 1, 2, 3, 4.0, 5, trouble)
        monkeypatch.setattr(MemoryStore, "database_facts", facts)
        answer = scene.client.get("/readyz")
        said = {"status": "not ready", "reason": "the store cannot be written: the disk is full"}
        assert (answer.status_code, answer.json()) == ((503, said) if trouble else (200, {"status": "ok"}))
        assert scene.get("/livez") == {"status": "ok"}


@pytest.mark.parametrize("where", ["fresh", "step"])
def test_a_call_that_the_store_fails_is_answered_with_503_and_the_reason(
    scene, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(MemoryStore, where, fails)
    answer = scene.client.post("/api/v1/accounts/default/credit", json={"amount": "1"})
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "store failed",
        "status": 503,
        "detail": "the store cannot be read or written: the disk is gone",
    }
    assert scene.get("/livez") == {"status": "ok"}
