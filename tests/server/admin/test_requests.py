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
