"""The guard: its names, its token, and pages of other sites. Reading: R19."""

import pytest

PATHS = ("/api/v1/accounts", "/api/v1/messages", "/api/v1/clock")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:61816", "[::1]:61816", "[::1]", "sms.test:80"])
def test_it_answers_to_its_own_names(scene, host: str) -> None:
    assert scene.client.get("/livez", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test", "evil.test:61816", "", "127.0.0.1.evil.test:1"])
def test_it_does_not_answer_to_the_name_of_another(scene, host: str) -> None:
    answer = scene.client.get("/livez", headers={"host": host})
    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:61816", 200),
        ("https://evil.test", 403),
        ("http://localhost:3000", 403),
        ("https://localhost:61816", 403),
        ("null", 403),
    ],
)
def test_pages_of_other_sites_are_sent_away(scene, origin: str, status: int) -> None:
    assert scene.client.get("/api/v1/messages", headers={"origin": origin}).status_code == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer s\xe9cret"}, 401),
        ({"authorization": "Bearer secret"}, 200),
    ],
)
def test_where_there_is_a_token_everything_but_the_probes_needs_it(
    scenes, authorization: dict[str, str], status: int
) -> None:
    scene = scenes(token="secret")
    headers = {name: value.encode("latin-1") for name, value in authorization.items()}
    for path in PATHS:
        answer = scene.client.get(path, headers=headers)
        assert answer.status_code == status
        assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
        assert "secret" not in answer.text
    for path in ("/livez", "/readyz"):
        assert scene.client.get(path).status_code == 200


def test_a_page_of_another_site_moves_no_clock(scene) -> None:
    answer = scene.client.post("/api/v1/clock/advance", json={"by": 1}, headers={"origin": "https://evil.test"})
    assert answer.status_code == 403
    assert scene.get("/api/v1/clock")["now"] == "2026-11-22T12:00:00+08:00"
