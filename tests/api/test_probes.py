"""Probes: alive, and ready or not."""


def test_it_is_alive_and_it_is_ready_or_not(scene) -> None:
    assert scene.get("/livez") == scene.get("/readyz") == {"status": "ok"}
    scene.ready = False
    answer = scene.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready"})
    assert scene.get("/livez") == {"status": "ok"}
