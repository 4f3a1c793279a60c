"""HTTP Archives of what a running server kept."""

import json
import socket
from urllib.parse import urlsplit

import jsonschema_rs
import pytest

SCHEMA = {
    "$defs": {
        "named": {"type": "object", "required": ["name", "value"], "properties": {"value": {"type": "string"}}},
        "message": {
            "type": "object",
            "required": ["httpVersion", "cookies", "headers", "headersSize", "bodySize"],
            "properties": {
                "cookies": {"type": "array", "items": {"$ref": "#/$defs/named"}},
                "headers": {"type": "array", "items": {"$ref": "#/$defs/named"}},
                "headersSize": {"type": "integer"},
                "bodySize": {"type": "integer"},
            },
        },
    },
    "type": "object",
    "required": ["log"],
    "properties": {
        "log": {
            "type": "object",
            "required": ["version", "creator", "entries"],
            "properties": {
                "version": {"const": "1.2"},
                "creator": {"type": "object", "required": ["name", "version"]},
                "entries": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["startedDateTime", "time", "request", "response", "cache", "timings"],
                        "properties": {
                            "startedDateTime": {
                                "type": "string",
                                "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
                            },
                            "time": {"type": "number", "minimum": 0},
                            "request": {
                                "allOf": [{"$ref": "#/$defs/message"}],
                                "required": ["method", "url", "queryString"],
                                "properties": {
                                    "url": {"type": "string", "pattern": "^https?://"},
                                    "postData": {"type": "object", "required": ["mimeType", "text"]},
                                },
                            },
                            "response": {
                                "allOf": [{"$ref": "#/$defs/message"}],
                                "required": ["status", "statusText", "content", "redirectURL"],
                                "properties": {
                                    "status": {"type": "integer"},
                                    "content": {"type": "object", "required": ["size", "mimeType"]},
                                },
                            },
                            "timings": {
                                "type": "object",
                                "required": ["send", "wait", "receive"],
                                "properties": {key: {"minimum": 0} for key in ("send", "wait", "receive")},
                            },
                            "serverIPAddress": {"type": "string"},
                            "connection": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}
"""What HTTP Archive 1.2 demands of the parts we write."""


def archive(shop, *args: str, account: str | None = None) -> list[dict[str, object]]:
    result = shop.run("requests", "export", "--har", *args, account=account)
    assert (result.exit_code, result.stderr) == (0, "")
    jsonschema_rs.validate(SCHEMA, har := json.loads(result.stdout))
    assert har["log"]["creator"]["name"] == "cloudsms-simulator"
    entries: list[dict[str, object]] = har["log"]["entries"]
    return entries


def test_an_exchange_is_an_entry_with_its_key_masked(shop) -> None:
    shop.send("67000011", SMS_CONTENT="验证码 123456")
    shop.send("67000012", SERIAL=2)
    first, second = archive(shop)
    assert [json.loads(each["request"]["postData"]["text"])["SERIAL"] for each in (first, second)] == [1, 2]
    request, response = first["request"], first["response"]
    assert (request["method"], request["url"]) == ("POST", shop.server.url)
    assert {"name": "host", "value": urlsplit(shop.server.url).netloc} in [
        {"name": each["name"].lower(), "value": each["value"]} for each in request["headers"]
    ]
    sent = json.loads(request["postData"]["text"])
    assert sent["SMS_CONTENT"] == "验证码 123456"
    assert sent["AUTH_KEY"].startswith("key-")
    assert shop.auth_key not in json.dumps(first)
    assert (response["status"], response["statusText"], response["content"]["mimeType"]) == (
        200,
        "OK",
        "application/json",
    )
    assert json.loads(response["content"]["text"])["RESULT_CODE"] == 1
    assert response["content"]["size"] == response["bodySize"] == len(response["content"]["text"].encode())
    assert first["serverIPAddress"] == "127.0.0.1"
    assert first["connection"] != second["connection"]


def test_what_was_no_packet_has_its_own_method_and_path(shop) -> None:
    split = urlsplit(shop.server.url)
    for line in ("GET /dave/io?har", "PUT /dave/other"):
        raw = socket.create_connection((split.hostname, split.port), 30)
        with shop.server.ssl_context().wrap_socket(raw, server_hostname="localhost") as sock:
            sock.sendall(f"{line} HTTP/1.1\r\nHost: har.test\r\n\r\n".encode())
            assert sock.recv(100).startswith(b"HTTP/1.1 40")
    got, put = archive(shop, 'body:""', "kind:http", account="*")[-2:]
    base = f"https://{split.netloc}"
    assert (got["request"]["method"], got["request"]["url"]) == ("GET", f"{base}/dave/io")
    assert (got["response"]["status"], got["response"]["statusText"]) == (405, "Method Not Allowed")
    assert (put["request"]["method"], put["request"]["url"]) == ("PUT", f"{base}/dave/other")
    assert "postData" not in put["request"]
    assert put["comment"] == "path-wrong: got PUT /dave/other, want /dave/io"


def test_a_refused_handshake_is_an_entry_with_status_0_and_the_reason(shop) -> None:
    split = urlsplit(shop.server.url)
    with socket.create_connection((split.hostname, split.port), 30) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        peer = f'peer:"127.0.0.1:{sock.getsockname()[1]}"'
        while sock.recv(1000):
            pass
    shop.server.client.of("*").requests.wait(peer)
    [entry] = archive(shop, peer, account="*")
    assert entry["response"]["status"] == 0
    assert entry["response"]["comment"].startswith("TLS handshake refused: plain-http: The client speaks plain HTTP")
    assert "connection" not in entry


def test_an_answer_that_a_fault_swallowed_has_status_0_and_names_it(shop) -> None:
    shop.api.faults.add({"fault": "PROCESSED_NO_ANSWER"})
    with pytest.raises(ConnectionError):
        shop.send("67000011")
    [entry] = archive(shop)
    assert entry["response"]["status"] == 0
    assert entry["response"]["comment"].startswith("PROCESSED_NO_ANSWER")


def test_a_page_in_place_of_an_answer_keeps_its_type(shop) -> None:
    shop.api.faults.add({"fault": "HTML_PAGE"})
    with pytest.raises(ValueError, match="Expecting value"):
        shop.send("67000011")
    [entry] = archive(shop)
    assert entry["response"]["content"]["mimeType"] == "text/html"
    assert entry["response"]["content"]["text"].startswith("<!DOCTYPE html>")
