"""HTTP Archives of what a running server kept."""

import base64
import gzip
import json
import socket
from urllib.parse import urlsplit

import jsonschema_rs
import pytest

_NAMED = {
    "type": "object",
    "required": ["name", "value"],
    "properties": {"name": {"type": "string"}, "value": {"type": "string"}, "comment": {"type": "string"}},
}
_SIZE = {"type": "integer", "minimum": -1}
_TIME = {"type": "number", "minimum": -1}
_TAKEN = {"type": "number", "minimum": 0}
_TEXT = {"type": "string"}
_NAMES = {"type": "array", "items": _NAMED}

SCHEMA = {
    "type": "object",
    "required": ["log"],
    "properties": {
        "log": {
            "type": "object",
            "required": ["version", "creator", "entries"],
            "properties": {
                "version": {"const": "1.2"},
                "creator": {
                    "type": "object",
                    "required": ["name", "version"],
                    "properties": {"name": _TEXT, "version": _TEXT},
                },
                "entries": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["startedDateTime", "time", "request", "response", "cache", "timings"],
                        "properties": {
                            "startedDateTime": {
                                "type": "string",
                                "format": "date-time",
                                "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
                            },
                            "time": _TAKEN,
                            "request": {
                                "type": "object",
                                "required": [
                                    "method",
                                    "url",
                                    "httpVersion",
                                    "cookies",
                                    "headers",
                                    "queryString",
                                    "headersSize",
                                    "bodySize",
                                ],
                                "properties": {
                                    "method": {"type": "string", "minLength": 1},
                                    "url": {"type": "string", "format": "uri", "pattern": "^https?://[^/]+/"},
                                    "httpVersion": {"type": "string", "minLength": 1},
                                    "cookies": _NAMES,
                                    "headers": _NAMES,
                                    "queryString": _NAMES,
                                    "postData": {
                                        "type": "object",
                                        "required": ["mimeType", "text"],
                                        "properties": {"mimeType": _TEXT, "text": _TEXT, "comment": _TEXT},
                                        "additionalProperties": False,
                                    },
                                    "headersSize": _SIZE,
                                    "bodySize": _SIZE,
                                },
                                "additionalProperties": False,
                            },
                            "response": {
                                "type": "object",
                                "required": [
                                    "status",
                                    "statusText",
                                    "httpVersion",
                                    "cookies",
                                    "headers",
                                    "content",
                                    "redirectURL",
                                    "headersSize",
                                    "bodySize",
                                ],
                                "properties": {
                                    "status": {"type": "integer", "minimum": 0},
                                    "statusText": _TEXT,
                                    "httpVersion": _TEXT,
                                    "cookies": _NAMES,
                                    "headers": _NAMES,
                                    "content": {
                                        "type": "object",
                                        "required": ["size", "mimeType"],
                                        "properties": {
                                            "size": {"type": "integer", "minimum": 0},
                                            "compression": {"type": "integer"},
                                            "mimeType": _TEXT,
                                            "text": _TEXT,
                                            "encoding": {"const": "base64"},
                                            "comment": _TEXT,
                                        },
                                        "additionalProperties": False,
                                    },
                                    "redirectURL": _TEXT,
                                    "headersSize": _SIZE,
                                    "bodySize": _SIZE,
                                    "comment": _TEXT,
                                },
                                "additionalProperties": False,
                            },
                            "cache": {"type": "object"},
                            "timings": {
                                "type": "object",
                                "required": ["send", "wait", "receive"],
                                "properties": {
                                    **dict.fromkeys(("blocked", "dns", "connect", "ssl"), _TIME),
                                    **dict.fromkeys(("send", "wait", "receive"), _TAKEN),
                                    "comment": _TEXT,
                                },
                                "additionalProperties": False,
                            },
                            "serverIPAddress": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "type": "string"},
                            "connection": {"type": "string", "minLength": 1},
                            "comment": _TEXT,
                        },
                        "additionalProperties": False,
                    },
                },
            },
        }
    },
}
"""HTTP Archive 1.2, the parts we write."""


def archive(shop, *args: str, account: str | None = None) -> list[dict[str, object]]:
    result = shop.run("requests", "export", "--har", *args, account=account)
    assert (result.exit_code, result.stderr) == (0, "")
    jsonschema_rs.validate(SCHEMA, har := json.loads(result.stdout), validate_formats=True)
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
    assert (got["request"]["method"], got["request"]["url"]) == ("GET", f"{base}/dave/io?har")
    assert (got["response"]["status"], got["response"]["statusText"]) == (405, "Method Not Allowed")
    assert (put["request"]["method"], put["request"]["url"]) == ("PUT", f"{base}/dave/other")
    assert "postData" not in put["request"]
    assert put["comment"] == "path-wrong: got PUT /dave/other, want /dave/io"


def raw_request(shop, head: str, body: bytes) -> None:
    """Sends octets of our own making, and waits for the answer."""
    split = urlsplit(shop.server.url)
    raw = socket.create_connection((split.hostname, split.port), 30)
    with shop.server.ssl_context().wrap_socket(raw, server_hostname="localhost") as sock:
        sock.sendall(f"{head}\r\nHost: har.test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_a_query_string_and_http_1_0_are_in_the_archive(shop) -> None:
    body = json.dumps({"AUTH_KEY": shop.auth_key, "TIME": "query"}).encode()
    raw_request(shop, "POST /dave/io?a=1&b=%E7%A0%81&b=x+y&empty= HTTP/1.0", body)
    raw_request(shop, f"POST /dave/io?AUTH_KEY={shop.auth_key} HTTP/1.1", body)
    first, second = archive(shop, "body:query")
    assert first["request"]["httpVersion"] == "HTTP/1.0"
    assert first["request"]["url"] == f"{shop.server.url}?a=1&b=%E7%A0%81&b=x+y&empty="
    assert [tuple(each.values()) for each in first["request"]["queryString"]] == [
        ("a", "1"),
        ("b", "码"),
        ("b", "x y"),
        ("empty", ""),
    ]
    assert first["response"]["httpVersion"] == second["request"]["httpVersion"] == "HTTP/1.1"
    assert shop.auth_key not in json.dumps(second)


@pytest.mark.parametrize("body", [b"\xff", gzip.compress(bytes(range(256)), mtime=0)], ids=["one octet", "gzip"])
def test_a_body_that_is_no_text_has_its_size_and_is_in_base64(shop, body: bytes) -> None:
    raw_request(shop, "POST /dave/io HTTP/1.1", body)
    entry = archive(shop, "finding:body-*", account="*")[-1]
    assert entry["request"]["bodySize"] == len(body)
    data = entry["request"]["postData"]
    assert base64.b64decode(data["text"]) == body
    assert data["comment"] == "in base64, since it is no UTF-8"


def test_the_size_of_a_body_is_that_on_the_wire_though_its_key_is_masked(shop) -> None:
    body = json.dumps({"AUTH_KEY": shop.auth_key, "TIME": "验证码"}, ensure_ascii=False).encode()
    raw_request(shop, "POST /dave/io HTTP/1.1", body)
    [entry] = archive(shop, "body:验证码")
    assert entry["request"]["bodySize"] == len(body)


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
