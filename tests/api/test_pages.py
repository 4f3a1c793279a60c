"""Pages: lists in one form, followed by their cursors. Reading: R17."""

import pytest

LISTS = ("accounts", "messages", "requests", "reports")


@pytest.mark.parametrize("path", LISTS)
def test_every_list_has_the_same_form(scene, path: str) -> None:
    page = scene.get(f"/api/v1/{path}")
    assert list(page) == ["items", "total", "cursor", "evicted"]
    assert (page["total"], page["cursor"], page["evicted"]) == (len(page["items"]), None, 0)


def test_what_is_gone_is_counted(scenes, shop) -> None:
    scene = scenes(shop, most_messages=2)
    for _ in range(5):
        scene.send(shop)
    for path in ("messages", "requests", "reports"):
        page = scene.get(f"/api/v1/{path}", account="shop")
        assert (page["total"], page["evicted"]) == (2, 3)


def test_pages_follow_one_another_newest_first(scene, shop) -> None:
    scene.send(shop, 5)
    everything = [item["uid"] for item in scene.get("/api/v1/messages", account="shop")["items"]]
    for limit in (1, 2, 4, 5, 6):
        seen: list[object] = []
        cursor: dict[str, object] = {}
        while True:
            page = scene.get("/api/v1/messages", account="shop", limit=limit, **cursor)
            seen += [item["uid"] for item in page["items"]]
            assert page["total"] == 5
            if page["cursor"] is None:
                break
            cursor = {"cursor": page["cursor"]}
        assert seen == everything


def test_a_cursor_stays_where_it_was_when_more_arrives(scene, shop) -> None:
    scene.send(shop, 3)
    first = scene.get("/api/v1/messages", account="shop", limit=1)
    scene.send(shop, 2)
    second = scene.get("/api/v1/messages", account="shop", limit=1, cursor=first["cursor"])
    assert [item["index"] for item in (*first["items"], *second["items"])] == [2, 1]


def test_a_cursor_to_what_is_gone_says_so(scene) -> None:
    answer = scene.client.get("/api/v1/messages", params={"cursor": "gone"})
    assert (answer.status_code, answer.headers["content-type"]) == (410, "application/problem+json")
    assert answer.json()["detail"] == 'what the cursor "gone" points at is gone; start again without it'


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "", "1.0", "９", "9" * 5000])
def test_a_limit_that_is_none_says_what_would_be_one(scene, limit: str) -> None:
    answer = scene.client.get("/api/v1/messages", params={"limit": limit})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"].endswith("it is a number from 1 to 1000")
