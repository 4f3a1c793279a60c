"""`/send` over HTTP; how a packet is made, and how it takes its way, is tested where that is."""

import json

import pytest

PATH = "/api/v1/send"
WANTED = 'want either packet, or to and text, such as {"to": ["85267000011"], "text": "Hello"}'
PACKET = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 7,
    "TIME": "2026-11-22 12:00:00",
    "ROUTE_ID": "VerifyCode_516",
    "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
    "SMS_CONTENT": "Hello",
    "VERSION": "2021-01-01",
}


def test_a_text_is_sent_to_numbers_and_journalled_like_any_request(scene) -> None:
    sent = scene.post(PATH, {"to": ["+852 67000011", "6591234567"], "text": "Hello"}, account="shop")
    assert (sent["request_id"], sent["account"], sent["code"]["name"], sent["fault"]) == (1, "shop", "OK", None)
    assert [item["SMS_UID"] for item in json.loads(sent["answer"])["DETAIL_LIST"]] == sent["uids"]
    [kept] = scene.get("/api/v1/requests", account="shop")["items"]
    assert (kept["kind"], kept["peer"], kept["uids"]) == ("uip", None, sent["uids"])
    messages = scene.get("/api/v1/messages", account="shop")["items"]
    assert [each["to"] for each in messages] == ["6591234567", "85267000011"]


def test_each_packet_has_the_clocks_time_and_a_serial_of_its_own(scene) -> None:
    for _ in range(2):
        scene.post(PATH, {"to": ["85267000011"], "text": "Hello"})
    bodies = [json.loads(kept["body"]) for kept in reversed(scene.get("/api/v1/requests")["items"])]
    assert [body["SERIAL"] for body in bodies] == [1, 2]
    assert {body["TIME"] for body in bodies} == {"2026-11-22 12:00:00"}


def test_what_is_refused_is_an_answer_and_no_problem(scene) -> None:
    sent = scene.post(PATH, {"to": [], "text": ""})
    assert (sent["code"]["name"], sent["uids"]) == ("Invalid_context", [])


@pytest.mark.parametrize(
    "packet",
    [PACKET, PACKET | {"AUTH_KEY": "$CLOUDSMS_AUTH_KEY"}, json.dumps(PACKET | {"AUTH_KEY": "$CLOUDSMS_AUTH_KEY"})],
)
def test_a_packet_is_sent_as_it_is_with_the_accounts_key(scene, packet: object) -> None:
    sent = scene.post(PATH, {"packet": packet}, account="shop")
    assert (sent["account"], sent["code"]["name"]) == ("shop", "OK")
    assert scene.get("/api/v1/requests", account="shop")["total"] == 1


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (PACKET | {"AUTH_KEY": None}, "0x10000001"),
        (PACKET | {"AUTH_KEY": "somebody's"}, "0x05"),
        ({}, "0x10000001"),
        ([], "0x1000000D"),
        ("", "0x04"),
        ("{", "0x10000007"),
    ],
)
def test_a_packet_that_is_none_is_refused_as_the_platform_does(scene, packet: object, code: str) -> None:
    assert scene.post(PATH, {"packet": packet})["code"]["hex"] == code


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, WANTED),
        ({"to": ["85267000011"]}, WANTED),
        ({"text": "Hello"}, WANTED),
        ({"packet": PACKET, "text": "Hello"}, WANTED),
        ({"to": ["67"], "text": "x", "country": 1242}, "country: got 1242, want an assigned country calling code"),
        ({"to": ["0"], "text": "x"}, 'to[0]: got "0", want digits that begin with an assigned country code'),
        ({"to": "85267000011", "text": "x"}, 'to: got "85267000011", want numbers with their country codes'),
        ({"to": [], "text": "x", "customer_body": 1}, "customer_body: got 1, want CUSTOMER_BODY, an object"),
        ({"too": []}, 'unknown key "too"; did you mean "to"?'),
    ],
)
def test_what_cannot_be_made_into_a_packet_says_what_is_missing(scene, body: object, told: str) -> None:
    assert scene.post(PATH, body, 400).startswith(told)


def test_an_account_there_is_not_says_which_there_are(scene) -> None:
    told = scene.post(PATH, {"to": [], "text": "x"}, 404, account="bank")
    assert told == 'there is no account "bank"; there is default, shop'
