"""An operation: a query parameter that it has not got is refused."""

import pytest


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/messages?acount=shop", 'unknown query parameter "acount"; did you mean "account"?'),
        (
            "/api/v1/messages?page=2",
            'unknown query parameter "page"; there is account, q, match, limit, cursor',
        ),
        ("/api/v1/info?limit=1", 'unknown query parameter "limit"; there is none here'),
        ("/api/v1/messages?account=shop&account=default", "account: got 2 of them in the query, want one"),
    ],
)
def test_a_parameter_there_is_none_of_is_told_and_not_passed_over(scene, path: str, told: str) -> None:
    answer = scene.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"] == told


def test_whose_it_is_may_be_said_where_it_says_nothing_unless_something_changes(scene) -> None:
    assert scene.client.get("/api/v1/accounts?account=shop").status_code == 200
    told = scene.post("/api/v1/reset", status=400, account="shop")
    assert told == 'unknown query parameter "account"; there is none here'


def test_a_probe_minds_no_query(scene) -> None:
    assert scene.client.get("/livez?nonce=1").status_code == 200


def test_head_is_where_get_is(scene) -> None:
    answer = scene.client.head("/api/v1/messages")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(scene.client.get("/api/v1/messages").content))
