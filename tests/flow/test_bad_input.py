"""Bad input over raw sockets: each is answered in time and in JSON, or its connection closed, and never a traceback.

Spec: Interface specification and communication principle. Spec: RESULT_CODE and RESULT_DESC. Reading: R3, R5.
"""

import asyncio
import json
from datetime import timedelta

import pytest

from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY

OK, EMPTY, INVALID, CONTEXT, LOST, EMPTY_PACKET = 1, 4, 0x10000001, 0x10000003, 0x10000007, 0x1000000D
KNOWN = {1, 2, 3, 4, 5, *(0x10000000 + code for code in (1, 3, 4, 5, 6, 7, 0xD, 0xE, 0xF, 0x10))}
MIB = 1024 * 1024


def post(body: bytes, *headers: bytes, version: bytes = b"1.1", target: bytes = b"/dave/io") -> bytes:
    """A request with its length."""
    lines = [b"POST %b HTTP/%b" % (target, version), b"Host: a", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", body])


def chunked(*chunks: bytes) -> bytes:
    head = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def valid(answer: dict[str, object]) -> bool:
    """Whether a packet is an ANSWER in the document's shape."""
    assert list(answer) == ["METHOD", "TYPE", "SERIAL", "TIME", "RESULT_CODE", "RESULT_DESC", "DETAIL_LIST"]
    assert (answer["METHOD"], answer["TYPE"]) == ("SMS_SEND_REQUEST", "ANSWER")
    assert answer["RESULT_CODE"] in KNOWN
    for item in answer["DETAIL_LIST"]:
        assert list(item) == ["COUNTRY_CODE", "DEST_MSISDN", "SMS_UID", "RESULT_CODE", "RESULT_DESC"]
        assert (len(item["SMS_UID"]), item["RESULT_CODE"] in KNOWN) == (30, True)
    return True


# Bodies

BODIES = [
    ("nothing", b"", EMPTY),
    ("white space", b" \t\r\n" * 1000, EMPTY),
    ("cut inside a string", b'{"METHOD":"SMS_SEND', LOST),
    ("cut inside a UTF-8 sequence", b'{"A":"\xe4\xb8', LOST),
    ("cut inside an escape", b'{"A":"\\ud8', LOST),
    ("cut inside a number", b'{"A":-', LOST),
    ("an opening brace", b"{", LOST),
    ("a closing brace", b"}", CONTEXT),
    ("a BOM", b"\xef\xbb\xbf{}", CONTEXT),
    ("UTF-16", '{"A":1}'.encode("utf-16"), CONTEXT),
    ("GBK", '{"A":"中文"}'.encode("gbk"), CONTEXT),
    ("a NUL byte", b'{"A":"\0"}', CONTEXT),
    ("only NUL bytes", b"\0" * 100, CONTEXT),
    ("an escaped NUL", b'{"A":"\\u0000"}', INVALID),
    ("a lone surrogate", b'{"A":"\\ud800"}', CONTEXT),
    ("a surrogate pair the wrong way round", b'{"A":"\\udc00\\ud800"}', CONTEXT),
    ("an encoded surrogate", b'{"A":"\xed\xa0\x80"}', CONTEXT),
    ("NaN", b'{"A":NaN}', CONTEXT),
    ("Infinity", b'{"A":-Infinity}', CONTEXT),
    ("1e400", b'{"A":1e400,"SERIAL":1e400,"TIME":1e400}', INVALID),
    ("an integer of 5,000 digits", b'{"SERIAL":%b}' % (b"9" * 5000), INVALID),
    ("duplicate keys", b'{"METHOD":"a","METHOD":"SMS_SEND_REQUEST","TYPE":"REQUEST"}', INVALID),
    ("100 deep", b'{"A":' + b"[" * 99 + b"]" * 99 + b"}", INVALID),
    ("101 deep", b'{"A":' + b"[" * 100 + b"]" * 100 + b"}", CONTEXT),
    ("100,000 deep", b"[" * 100_000, CONTEXT),
    ("100,000 deep objects", b'{"A":' * 100_000, CONTEXT),
    ("100,000 deep and back", b"[" * 100_000 + b"]" * 100_000, CONTEXT),
    ("two objects", b"{}{}", CONTEXT),
    ("an object and a brace", b'{"A":1}}', CONTEXT),
    ("an array", b"[]", EMPTY_PACKET),
    ("null", b"null", EMPTY_PACKET),
    ("a number", b"1", EMPTY_PACKET),
    ("a string", b'"x"', EMPTY_PACKET),
    ("an empty object", b"{}", EMPTY_PACKET),
    ("single quotes", b"{'A':1}", CONTEXT),
    ("a form", b"METHOD=SMS_SEND_REQUEST&TYPE=REQUEST", CONTEXT),
    ("a page", b"<html></html>", CONTEXT),
    ("random bytes", bytes(range(256)) * 40, CONTEXT),
    ("a mebibyte of nothing", b" " * MIB, EMPTY),
    ("a mebibyte of array", b"[" + b"1," * (MIB // 2 - 1) + b"1", LOST),
    ("a mebibyte of string", b'{"A":"%b"}' % (b"x" * (MIB - 8)), INVALID),
    ("a mebibyte of escapes", b'{"A":"%b"}' % (b"\\u4e2d" * (MIB // 6 - 10)), INVALID),
    ("a mebibyte of keys", b"{%b}" % b",".join(b'"%d":0' % number for number in range(90_000)), INVALID),
    ("a mebibyte of backslashes", b'{"A":"%b"}' % (b"\\\\" * (MIB // 2 - 10)), INVALID),
    ("a mebibyte of quotes", b'"' * MIB, CONTEXT),
    ("a mebibyte of one key", b"{%b}" % b",".join([b'"AUTH_KEY":"k"'] * 69_000), INVALID),
    ("a mebibyte of AUTH_KEY that is never closed", b'{"AUTH_KEY":"' + b"k\\" * (MIB // 2 - 10), CONTEXT),
]


@pytest.mark.parametrize(("body", "code"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_body_that_is_no_packet_has_the_code_of_what_it_is(run, platform, body: bytes, code: int) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            answer = await client.post(body)
            assert (answer.status, answer.json["RESULT_CODE"]) == (200, code)
            assert valid(answer.json)
            [item] = await here.items("requests", "*")
            assert 1 <= len(item["findings"]) <= 1000
            assert (await client.post(b"")).status == 200, "the connection goes on"

    run(story())


@pytest.mark.parametrize("spoil", [b"\xef\xbb\xbf%b", b"{NaN,%b", b'{"A":"\xff",%b', b"[%b]"])
def test_a_broken_packet_is_the_accounts_whose_key_stands_in_it(run, platform, packet, spoil: bytes) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            body = packet() if spoil.count(b"{") == 0 else packet().removeprefix(b"{")
            answer = await client.post(spoil.replace(b"%b", body))
            assert answer.json["RESULT_CODE"] == (EMPTY_PACKET if spoil == b"[%b]" else CONTEXT)
            [item] = await here.items("requests")
            assert item["account"] == "default"
            assert await here.items("requests", "*") == []

    run(story())


WRONG = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e400,
    2**64,
    10**40,
    "",
    " ",
    "\0",
    "x" * 2000,
    "中文",
    "\U0001f600",
    [],
    [1],
    {},
    {"a": 1},
]
FIELDS = [
    "METHOD",
    "TYPE",
    "SERIAL",
    "TIME",
    "AUTH_KEY",
    "VERSION",
    "ROUTE_ID",
    "ORIGINAL_ADDR",
    "SIGNATURE",
    "SIGNATURE_TYPE",
    "PRIORITY",
    "REPEAT",
    "SMS_CONTENT",
    "MULTI_MSISDN_LIST",
    "CUSTOMER_BODY",
    "COUNTRY_CODE",
    "DEST_MSISDN",
    "uip_head",
    "UNKNOWN",
]


@pytest.mark.parametrize("profile", ["spec", "observed"])
@pytest.mark.parametrize("field", FIELDS)
def test_any_value_in_any_field_is_answered(run, platform, packet, field: str, profile: str) -> None:
    async def story() -> None:
        async with platform(plain=True, profile=profile) as here, here.client() as client:
            for value in WRONG:
                if field in {"COUNTRY_CODE", "DEST_MSISDN"}:
                    entry = {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"} | {field: value}
                    body = packet(MULTI_MSISDN_LIST=[entry, value])
                else:
                    body = packet(**{field: value})
                answer = await client.post(body.replace(b"Infinity", b"1e400"))
                assert answer.status == 200
                assert answer.json["RESULT_CODE"] in KNOWN
                assert profile == "observed" or valid(answer.json)
            assert len(await here.items("requests")) + len(await here.items("requests", "*")) == len(WRONG)

    run(story())


# HTTP


def test_a_huge_body_is_refused_as_soon_as_it_is_announced(run, platform) -> None:
    async def story() -> None:
        async with platform() as here:
            for headers in (b"", b"Expect: 100-continue\r\n"):
                async with here.client() as client:
                    head = b"POST /dave/io HTTP/1.1\r\nHost: a\r\n%bContent-Length: 2000000000\r\n\r\n"
                    await client.send(head % headers)
                    answer = await client.answer()
                    assert (answer.status, answer.headers["content-type"]) == (413, "application/json")
                    assert answer.json == {"error": "body too large: at most 1048576 octets"}
                    assert await client.ended() == b""
            assert await here.rules() == [["body-too-large"]] * 2

    run(story())


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    "request_bytes",
    [post(b"x" * 3 * MIB), post(b" " * (MIB + 1)), chunked(*[b"x" * 65536] * 40)],
    ids=["3 MiB", "1 MiB and an octet", "2.5 MiB in chunks"],
)
def test_a_body_over_the_limit_is_413_though_it_is_sent_to_the_end(
    run, platform, request_bytes: bytes, plain: bool
) -> None:
    async def story() -> None:
        async with platform(plain=plain) as here, here.client() as client:
            # Read while sending: over TLS the platform says goodbye without waiting for the rest.
            sending = asyncio.ensure_future(client.send(request_bytes))
            answer = await client.answer()
            assert (answer.status, answer.headers["connection"]) == (413, "close")
            await asyncio.gather(sending, return_exceptions=True)
            assert await here.rules() == [["body-too-large"]]

    run(story())


def test_the_limit_itself_is_served(run, platform) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            assert (await client.post(b" " * MIB)).json["RESULT_CODE"] == EMPTY

    run(story())


@pytest.mark.parametrize("sent", [b"", b'{"METHOD":"SMS'], ids=["no byte of it", "half of it"])
def test_a_body_that_does_not_come_in_time_closes_the_connection(run, platform, sent: bytes) -> None:
    async def story() -> None:
        async with platform(body_timeout=timedelta(milliseconds=100)) as here, here.client() as client:
            await client.send(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n", sent)
            assert await client.ended() == b""
            [item] = await here.items("requests", "*")
            assert (item["kind"], [finding["rule"] for finding in item["findings"]]) == ("closed", ["body-unfinished"])
            assert item["body"] == sent.decode()

    run(story())


def test_a_body_byte_by_byte_is_served(run, platform, packet) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            body = packet()
            await client.send(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
            for index in range(len(body)):
                await client.send(body[index : index + 1])
            assert (await client.answer()).codes == [OK, OK]

    run(story())


def test_http_1_0_chunks_expectations_and_absolute_targets_are_served(run, platform, packet) -> None:
    body = packet()
    forms = {
        "HTTP/1.0": post(body, version=b"1.0"),
        "HTTP/1.0, kept alive": post(body, b"Connection: keep-alive", version=b"1.0"),
        "chunks": chunked(body[:7], body[7:100], body[100:]),
        "a chunk for each byte": chunked(*(body[index : index + 1] for index in range(len(body)))),
        "absolute form": post(body, target=b"http://localhost/dave/io"),
        "a query": post(body, target=b"/dave/io?a=b"),
        "no Content-Type": post(body),
        "another Content-Type": post(body, b"Content-Type: text/plain; charset=gbk"),
        "many headers": post(body, *(b"X-%d: %d" % (number, number) for number in range(200))),
        "close": post(body, b"Connection: close"),
        "an upgrade": post(body, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAA"),
    }

    async def story() -> None:
        async with platform() as here:
            for name, request in forms.items():
                async with here.client() as client:
                    await client.send(request)
                    answer = await client.answer()
                    assert (answer.status, answer.codes) == (200, [OK, OK]), name

    run(story())


def test_a_client_that_expects_100_continue_is_told_to(run, platform, packet) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            body = packet()
            await client.send(
                b"POST /dave/io HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
            assert (await client.answer()).status == 100
            await client.send(body)
            assert (await client.answer()).codes == [OK, OK]

    run(story())


def test_pipelined_requests_are_answered_in_order(run, platform, packet) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            bodies = [packet(SERIAL=serial) for serial in range(1, 101)]
            await client.send(*map(post, bodies))
            answers = [await client.answer() for _ in bodies]
            assert [answer.json["SERIAL"] for answer in answers] == list(range(1, 101))
            assert [item["code"]["value"] for item in await here.items("requests")] == [OK] * 100

    run(story())


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_another_method_is_405_in_json_and_says_which_is_allowed(run, platform, method: str) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            await client.send(f"{method} /dave/io HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = await client.answer(to_head=method == "HEAD")
            assert (answer.status, answer.headers["allow"]) == (405, "POST")
            assert answer.headers["content-type"] == "application/json"
            assert method == "HEAD" or answer.json == {"error": "method not allowed: /dave/io takes POST"}
            assert await here.rules() == [["http-method-wrong"]]

    run(story())


@pytest.mark.parametrize(
    "target", ["/", "/dave/io/", "/dave/IO", "//dave/io", "/dave/../dave/io", "/%64ave/i", "/dave/io%00"]
)
def test_another_path_is_404_in_json(run, platform, packet, target: str) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            await client.send(post(packet(), target=target.encode()))
            answer = await client.answer()
            assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
            assert answer.json == {"error": "not found: CloudSMS listens at /dave/io"}
            assert (await here.rules(), await here.items("messages")) == ([["path-wrong"]], [])

    run(story())


NOT_HTTP = [
    ("words", b"hello\r\n\r\n"),
    ("a TLS handshake", bytes.fromhex("160301020001000200030360e8")),
    ("a negative length", b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
    ("a length of words", b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n"),
    ("an endless length", b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %b\r\n\r\n" % (b"9" * 30)),
    ("two lengths", b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
    ("a chunk of words", b"POST /dave/io HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n{}\r\n"),
    ("a NUL in a header", b"POST /dave/io HTTP/1.1\r\nHost: a\0\r\n\r\n"),
    ("CONNECT", b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("HTTP/9.9", b"POST /dave/io HTTP/9.9\r\n\r\n"),
]


@pytest.mark.parametrize("request_bytes", [row[1] for row in NOT_HTTP], ids=[row[0] for row in NOT_HTTP])
def test_what_is_not_http_is_400_in_json(run, platform, request_bytes: bytes) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            await client.send(request_bytes)
            answer = await client.answer()
            assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
            assert list(answer.json) == ["error"]
            assert await client.ended() == b""
            assert await here.rules() == [["not-http"]]

    run(story())


def test_an_endless_head_is_refused(run, platform) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            sending = asyncio.ensure_future(client.send(b"POST /dave/io HTTP/1.1\r\nX: " + b"x" * MIB))
            answer = await client.answer()
            assert (answer.status, answer.headers["content-type"]) == (431, "application/json")
            await asyncio.gather(sending, return_exceptions=True)

    run(story())


# A length in characters


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_a_length_counted_in_characters_is_lost_info_and_the_bytes_beyond_it_a_finding(
    run, platform, packet, condition, plain: bool, together: bool
) -> None:
    text = json.dumps(json.loads(packet(SMS_CONTENT="您的验证码是123345，请勿泄露给他人。")), ensure_ascii=False)
    head = f"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: {len(text)}\r\n\r\n".encode()

    async def story() -> None:
        async with platform(plain=plain) as here, here.client() as client:
            pieces = [head + text.encode()] if together else [head, text.encode()]
            for piece in pieces:
                await client.send(piece)
            answer = await client.answer()
            assert (answer.status, answer.json["RESULT_CODE"], answer.json["RESULT_DESC"]) == (200, LOST, "Lost_info")
            assert await client.ended() == b""

            async def noticed() -> list[str] | None:
                found = [rule for account in ("*", "default") for rules in await here.rules(account) for rule in rules]
                return found if "surplus-bytes" in found else None

            assert "body-cut" in await condition(noticed)
            [exchange] = [item for item in await here.items("requests") if item["kind"] == "uip"]
            assert exchange["account"] == "default", "its key came before the cut"
            assert DEFAULT_AUTH_KEY not in exchange["body"]

    run(story())


def test_empty_lines_after_a_body_are_no_surplus(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(plain=True) as here, here.client() as client:
            for _ in range(3):
                await client.send(post(packet()), b"\r\n")
                assert (await client.answer()).codes == [OK, OK]
            assert [rules for rules in await here.rules("default") if "surplus-bytes" in rules] == []

    run(story())
