"""Problems: every error is one in JSON that says what to do."""

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/", 404, "there is nothing at /; /api/v1/docs lists what there is"),
        ("GET", "/api/v1/", 404, "there is nothing at /api/v1/; /api/v1/docs lists what there is"),
        ("DELETE", "/api/v1/messages", 405, "DELETE does nothing at /api/v1/messages; use GET, HEAD"),
        ("GET", "/api/v1/clock/advance", 405, "GET does nothing at /api/v1/clock/advance; use POST"),
        ("PUT", "/api/v1/rules", 405, "PUT does nothing at /api/v1/rules; use DELETE, GET, HEAD, POST"),
    ],
)
def test_another_path_or_method_is_a_problem_in_json(scene, method: str, path: str, status: int, told: str) -> None:
    answer = scene.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert answer.json()["detail"] == told
    if status == 405:
        assert answer.headers["allow"] == told.partition("use ")[2]


def test_a_slip_of_ours_is_a_problem_in_json_without_a_traceback(scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def slip(_account: object) -> None:
        raise RuntimeError("a slip of ours")

    monkeypatch.setattr(scene.stage.store, "messages", slip)
    careless = TestClient(scene.client.app, base_url="http://localhost", raise_server_exceptions=False)
    answer = careless.get("/api/v1/messages")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "slip" not in answer.text


def test_who_calls_while_it_stops_is_told_so(scene) -> None:
    scene.client.portal.call(scene.stage.timekeeper.close)
    assert scene.post("/api/v1/clock/freeze", status=503) == "the simulator is stopping"
