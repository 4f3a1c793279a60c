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


def test_a_packet_is_sent_again_inside_the_server(scene, shop) -> None:
    scene.send(shop)
    again = scene.post("/api/v1/requests/1/send", account="shop")
    assert (again["id"], again["account"], again["code"]["name"], again["peer"]) == (2, "shop", "OK", None)
    assert scene.get(f"/api/v1/messages/{again['uids'][0]}", account="shop")["request_id"] == 2
    assert shop.auth_key not in json.dumps(again)


def test_a_refused_packet_is_sent_corrected(scene, shop) -> None:
    scene.send(shop, VERSION="1.0")
    again = scene.post("/api/v1/requests/1/send", {"corrected": True}, account="shop")
    assert (again["code"]["name"], len(again["uids"])) == ("OK", 1)
    told = scene.post("/api/v1/requests/2/send", {"corrected": True}, 409, account="shop")
    assert told == "there is nothing to correct in request 2; send it as it is"


def test_a_packet_of_nobodys_becomes_one_of_the_account_that_is_named(scene, shop) -> None:
    scene.send(shop, AUTH_KEY="somebody's")
    again = scene.post("/api/v1/requests/1/send", {"corrected": True, "account": "shop"}, account="*")
    assert (again["account"], again["code"]["name"]) == ("shop", "OK")
    assert scene.post("/api/v1/requests/1/send", {"corrected": True}, account="*")["account"] == "default"
    told = scene.post("/api/v1/requests/2/send", {"account": "default"}, 400, account="shop")
    assert told == 'account: got "default", want "shop", whose packet it is'


def test_only_a_request_that_is_there_is_sent_again(scene) -> None:
    told = scene.post("/api/v1/requests/1/send", status=404)
    assert told.startswith('there is no request "1" of account "default"')


def test_suspicions_are_shown_wherever_a_request_is_and_are_searched_for(scene, shop) -> None:
    scene.send(shop, CUSTOMER_BODY={"order": 1})
    scene.send(shop, CUSTOMER_BODY={"order": 1})

    def rules(item: dict[str, list[dict[str, str]]]) -> list[str]:
        return [finding["rule"] for finding in item["findings"] if finding["severity"] == "suspicion"]

    listed = scene.get("/api/v1/requests", account="shop")["items"]
    assert [rules(item) for item in listed] == [["sent-twice"], []]
    assert scene.get("/api/v1/requests/2", account="shop") == listed[0]
    found = scene.get("/api/v1/requests", account="shop", q="finding:sent-twice")
    assert [item["id"] for item in found["items"]] == [2]
    assert scene.post("/api/v1/requests/verify", {"match": "finding:sent-*", "exactly": 1}, account="shop")["verified"]
    timeline = scene.get(f"/api/v1/messages/{listed[0]['uids'][0]}/timeline", account="shop")
    assert "Suspicion sent-twice" in json.dumps(timeline)


def test_a_suspicion_comes_to_an_older_request_with_what_follows_it(scene, shop) -> None:
    both = [{"COUNTRY_CODE": 852, "DEST_MSISDN": each} for each in ("67000011", "67555103")]
    scene.send(shop, MULTI_MSISDN_LIST=both)
    assert scene.get("/api/v1/requests", account="shop", q="finding:batch-sent-again")["total"] == 0
    scene.send(shop, MULTI_MSISDN_LIST=both)
    found = scene.get("/api/v1/requests", account="shop", q="finding:batch-sent-again")
    assert [item["id"] for item in found["items"]] == [1]
