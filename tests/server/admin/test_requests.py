"""Requests as the API lists them."""

import json


def test_a_request_is_shown_with_its_answer_and_its_findings(scene, shop) -> None:
    reply = scene.send(shop, ROUTE_ID="nowhere", CUSTOMER_BODY={"order": 1}, TIME="now")
    [item] = scene.get("/api/v1/requests", account="shop")["items"]
    assert item["answer"] == reply.body.decode()
    assert [finding["rule"] for finding in item["findings"]] == ["time-format", "route-unknown", "local-rejected"]
    assert (item["peer"], item["connection_id"], item["code"]["name"]) == ("127.0.0.1:50000", 7, "OK")
    assert shop.auth_key not in json.dumps(item)


def test_a_star_shows_what_belongs_to_nobody(scene, shop) -> None:
    scene.send(shop, AUTH_KEY="somebody's key that nobody knows")
    page = scene.get("/api/v1/requests", account="*")
    assert [item["account"] for item in page["items"]] == [None]
    assert "somebody's key" not in json.dumps(page)


def test_one_request_is_shown_as_the_list_has_it(scene, shop) -> None:
    scene.send(shop)
    scene.send(shop, AUTH_KEY="somebody's")
    [item] = scene.get("/api/v1/requests", account="shop")["items"]
    assert scene.get("/api/v1/requests/1", account="shop") == item
    [item] = scene.get("/api/v1/requests", account="*")["items"]
    assert scene.get("/api/v1/requests/2", account="*") == item


def test_a_request_that_is_not_there_is_told_where_it_may_be(scenes, shop) -> None:
    scene = scenes(shop, most_messages=1)
    scene.send(shop)

    def told(number: str, **query: str) -> object:
        return scene.told("GET", f"/api/v1/requests/{number}", None, 404, **query)

    assert told("1", account="*") == 'there is no request "1" of nobody; account=shop has it'
    for number in ("7", "verify", "-1", "9" * 30):
        nothing = f'there is no request "{number}" of account "shop", and nothing is gone from its journal'
        assert told(number, account="shop") == nothing
    scene.send(shop)
    gone = "1 requests are gone from the journal, and it may have been one of them"
    assert told("1", account="shop") == f'there is no request "1" of account "shop"; {gone}'
