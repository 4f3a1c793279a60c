"""What the admin port refuses: by its hosts, its token, and pages of other sites. Reading: R19."""

import pytest

PATHS = ("/api/v1/accounts", "/api/v1/messages", "/api/v1/clock")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:61816", "[::1]:61816", "[::1]", "sms.test:80"])
def test_it_answers_to_its_own_names(scene, host: str) -> None:
    assert scene.client.get("/api/v1/accounts", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test", "evil.test:61816", "", "127.0.0.1.evil.test:1"])
def test_it_does_not_answer_to_the_name_of_another(scene, host: str) -> None:
    for path in ("/api/v1/accounts", "/metrics", "/login", "/static/inbox.css", "/livez/"):
        answer = scene.client.get(path, headers={"host": host})
        assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")


@pytest.mark.parametrize("host", ["10.42.0.7:61816", "[fd00::7]:61816", "sim.default.svc:61816", ""])
@pytest.mark.parametrize("token", [None, "secret"])
def test_probes_are_answered_by_whatever_name_they_come(scenes, host: str, token: str | None) -> None:
    client = scenes(token=token).client
    for path in ("/livez", "/readyz"):
        assert client.get(path, headers={"host": host}).status_code == 200
        assert client.get(path, headers={"host": host, "origin": "https://evil.test"}).status_code == 403


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("secret", {"authorization": "bearer secret"}, 200),
        ("secret", {"authorization": "Bearer wrong"}, 421),
        ("secret", {}, 421),
        ("secret", {"authorization": "Bearer secret", "origin": "http://evil.test"}, 403),
        (None, {}, 421),
        (None, {"authorization": "Bearer "}, 421),
    ],
)
def test_metrics_are_scraped_by_any_name_with_the_token(
    scenes, token: str | None, headers: dict[str, str], status: int
) -> None:
    client = scenes(token=token).client
    assert client.get("/metrics", headers={"host": "10.42.0.7:61816", **headers}).status_code == status
    other = client.get("/api/v1/accounts", headers={"host": "10.42.0.7:61816", **headers})
    assert other.status_code == 421


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:61816", 200),
        ("https://evil.test", 403),
        ("http://localhost:3000", 403),
        ("https://localhost:61816", 403),
        ("null", 403),
        ("https://sms.test", 200),
        ("https://sms.test:8443", 403),
        ("https://sub.sms.test", 403),
        ("http://sms.test", 403),
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
