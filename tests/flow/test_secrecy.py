"""Secrecy: no whole AUTH_KEY of any account is shown anywhere, wherever a customer put it, and however it is spelled.

Spec: Parameter Details, AUTH_KEY. Reading: R18.
"""

import asyncio
import html
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote, unquote

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsms_simulator.cli.requests import har_of
from cloudsms_simulator.client.models import Request
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, Callback
from cloudsms_simulator.engine.plan import Step, plan_of
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.push.receiver import Behaviour, Receiver

SHOP = "shop/key+0123456789/ABCDEF=="
ODD = 'an "odd" key\\of/é你😀<b>&'
OTHERS = "local-simulator-2 of a later account"
KEYS = (DEFAULT_AUTH_KEY, SHOP, ODD)
FIELDS = (
    *("METHOD", "TYPE", "SERIAL", "TIME", "AUTH_KEY", "VERSION", "ROUTE_ID", "ORIGINAL_ADDR", "SIGNATURE"),
    *("SIGNATURE_TYPE", "PRIORITY", "REPEAT", "SMS_CONTENT", "MULTI_MSISDN_LIST", "CUSTOMER_BODY", "SENDER_ID"),
)


class Log(logging.Handler):
    """All that is logged meanwhile, as one text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {record.__dict__}")


@contextmanager
def logged() -> Iterator[Log]:
    log, logger = Log(), logging.getLogger("cloudsms_simulator")
    logger.addHandler(log)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        logger.setLevel(before)
        logger.removeHandler(log)


def tellings(text: str) -> Iterator[str]:
    """A text in all the ways in which a person, or a program, may read it."""
    yield text
    yield unquote(text)
    yield html.unescape(re.sub(r"<[^>]*>", "", text))
    waiting: list[object] = [text]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
            yield (
                re.sub(r"\\(?:u([0-9a-fA-F]{4})|([^u]))", _meant, value)
                .encode("utf-16", "surrogatepass")
                .decode("utf-16", "replace")
            )
            for line in value.splitlines() if value.startswith("event: ") else [value]:
                try:
                    inner = json.loads(line.removeprefix("data: "))
                except ValueError:
                    continue
                if inner != value:
                    waiting.append(inner)
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]


def _meant(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}.get(escape[2], escape[2])


def shows(text: str, key: str) -> bool:
    return any(key in told for told in tellings(text))


@st.composite
def spelled(draw: st.DrawFn, key: str) -> str:
    """The key as some writer of JSON spells it."""
    way = draw(st.sampled_from(["plain", "slashes", "ascii", "every", "some"]))
    if way in ("plain", "slashes", "ascii"):
        text = json.dumps(key, ensure_ascii=way == "ascii")[1:-1]
        return text.replace("/", "\\/") if way == "slashes" else text
    parts = []
    for character in key:
        units = character.encode("utf-16-be").hex()
        escaped = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        parts.append(escaped if way == "every" or draw(st.booleans()) else plain)
    return "".join(parts)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A packet with keys in some of its fields, and perhaps spoilt."""
    own = draw(st.sampled_from((*KEYS, "x", "nobody's key at all")))
    members = {
        "METHOD": '"SMS_SEND_REQUEST"',
        "TYPE": '"REQUEST"',
        "SERIAL": "7",
        "TIME": '"2026-11-22 12:00:00"',
        "AUTH_KEY": f'"{draw(spelled(own))}"',
        "VERSION": '"2021-01-01"',
        "ROUTE_ID": '"VerifyCode_516"',
        "SMS_CONTENT": '"Your code is 123345"',
        "MULTI_MSISDN_LIST": '[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}]',
        "CUSTOMER_BODY": '{"order":1}',
    }
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=3, unique=True)):
        key = draw(spelled(draw(st.sampled_from(KEYS))))
        forms = [
            f'"{key}"',
            f'"it is {key}."',
            f'{{"mine":["{key}"]}}',
            f'{{"{key}":1}}',
            f'[{{"DEST_MSISDN":"{key}"}}]',
        ]
        members[field] = draw(st.sampled_from(forms))
    if draw(st.booleans()):
        members[draw(spelled(draw(st.sampled_from(KEYS))))] = "1"
    body = ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()
    spoil = draw(st.sampled_from(["not", "not", "cut", "bom", "nan", "octet", "array", "form", "text", "behind"]))
    match spoil:
        case "cut":
            return body[: -draw(st.integers(1, len(body)))]
        case "bom":
            return b"\xef\xbb\xbf" + body
        case "nan":
            return b'{"A":NaN,' + body[1:]
        case "octet":
            return b'{"A":"\xff",' + body[1:]
        case "array":
            return b"[" + body + b"]"
        case "form":
            return "&".join(f"{name}={quote(own)}" for name in members).encode()
        case "text":
            return json.dumps(body.decode()).encode()
        case "behind":
            return body + b" " + draw(st.sampled_from(KEYS)).encode()
    return body


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request with keys anywhere."""
    body, key = draw(bodies()), draw(st.sampled_from(KEYS))
    target = draw(st.sampled_from(["/dave/io"] * 4 + [f"/{quote(key)}", f"/a?AUTH_KEY={quote(key, safe='')}&b"]))
    header = draw(
        st.sampled_from(["X-A: 1", f"X-B: it is {key}", f"Cookie: a={key}; b=1", f"Authorization: Bearer {key}"])
    )
    lines = [f"POST {target} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", header, "", ""]
    return "\r\n".join(lines).encode() + body


class Reader:
    """Reads all that the admin port shows."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __call__(self, target: str, method: str = "GET", body: str = "") -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        octets = body.encode()
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        )
        writer.write(f"{head}Content-Length: {len(octets)}\r\n\r\n".encode() + octets)
        answered = await reader.read()
        writer.close()
        told, _, answer = answered.partition(b"\r\n\r\n")
        assert b" 500 " not in told.partition(b"\r\n")[0], answer
        length = re.search(rb"content-length: (\d+)", told)
        assert length is None or int(length[1]) == len(answer)
        return answer.decode()

    async def everything(self) -> dict[str, str]:
        """Every listing, every item in it, and every page, by address."""
        read: dict[str, str] = {}
        for account in ("default", "shop", "odd", "*"):
            for kind in ("requests", "messages", "reports") if account != "*" else ("requests",):
                address = f"/api/v1/{kind}?account={account}&limit=1000"
                read[address] = await self(address)
                for item in json.loads(read[address])["items"]:
                    for address in _of_item(kind, item, account):
                        read[address] = await self(address)
        for address in (
            *("/api/v1/accounts", "/metrics", "/api/v1/info", "/api/v1/reports/pending", "/api/v1/rules"),
            *(
                "/",
                "/window",
                "/overview",
                "/control",
                "/compose",
                "/?account=*",
                "/?account=shop",
                "/overview?account=odd",
            ),
            *(f"/?q={quote(key)}" for key in KEYS),
            *(f"/api/v1/accounts/{quote(key)}" for key in KEYS),
            *(f"/api/v1/requests?{quote(key)}=1" for key in KEYS),
            *(f"/api/v1/messages?account={quote(key)}" for key in KEYS),
            *(f"/{quote(key)}" for key in KEYS),
        ):
            read[address] = await self(address)
        for key in KEYS:
            asked = json.dumps({"body": json.dumps({"ROUTE_ID": key, "SMS_CONTENT": key, "A": [key]})})
            read[f"explain {key}"] = await self("/api/v1/explain", "POST", asked)
            wrong = json.dumps({"name": key, "colour": key})
            read[f"account {key}"] = await self("/api/v1/accounts", "POST", wrong)
        return read


def _of_item(kind: str, item: dict[str, object], account: str) -> Iterator[str]:
    if kind == "requests":
        yield f"/api/v1/requests/{item['id']}?account={account}"
        yield f"/api/v1/explain?account={account}&request={item['id']}"
        yield f"/requests/{item['id']}?of={account}"
    elif kind == "messages":
        yield f"/messages/{item['uid']}?of={account}"
        yield from (f"/api/v1/messages/{item['uid']}{of}?account={account}" for of in ("", "/timeline", "/segments"))
    else:
        yield f"/api/v1/reports/{item['id']}?account={account}"


def accounts_with(url: str) -> tuple[AccountSettings, ...]:
    """Accounts whose reports go at once to a URL that has a key in it."""
    return tuple(
        AccountSettings(
            name=name,
            auth_key=key,
            report=plan_of(Step(2, timedelta(0), True)),
            callback=Callback(url=f"{url}?key={quote(key, safe='')}&AUTH_KEY=abcdefgh"),
        )
        for name, key in (("default", DEFAULT_AUTH_KEY), ("shop", SHOP), ("odd", ODD))
    )


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(requests(), min_size=1, max_size=6), st.sampled_from(KEYS))
def test_no_key_is_shown_wherever_a_customer_put_it(run, platform, receiving, sent: list[bytes], answered: str) -> None:
    answer = json.dumps({"METHOD": answered, "RESULT_DESC": f"it is {answered}"}).encode()

    async def story() -> dict[str, str]:
        receiver = Receiver(Behaviour("body", body=answer))
        async with receiving(receiver, plain=True) as url:
            async with platform(plain=True, accounts=accounts_with(url), switches={"dr_auth_key": True}) as here:
                port = here.simulator.admin_listener.port
                events, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /api/v1/events?account=default HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await events.readuntil(b"\r\n\r\n")
                streaming = asyncio.create_task(events.read())
                for request in sent:
                    async with here.client() as client:
                        await client.send(request)
                        await client.answer()
                for name in ("default", "shop", "odd"):
                    for message in await here.items("messages", name):
                        for report in await here.reported(str(message["uid"]), name):
                            assert report["attempts"]
                shown = await Reader(port).everything()
                kept = msgspec.json.decode(shown["/api/v1/requests?account=default&limit=1000"])["items"]
                archive = har_of(msgspec.convert(kept, list[Request]), here.simulator.ready.url, "0")
                shown["har"] = msgspec.json.encode(archive).decode()
            shown["events"] = (await streaming).decode()
            writer.close()
            return shown

    with logged() as log:
        shown: dict[str, str] = {}

        async def whole() -> None:
            shown.update(await story())

        run(whole())
    everything = shown | {"the log": "\n".join(log.lines)}
    assert [(place, key) for place, text in everything.items() for key in KEYS if shows(text, key)] == []


def test_what_goes_to_the_customer_has_its_keys_octet_for_octet(run, platform, receiving, packet) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with (
            receiving(receiver, plain=True) as url,
            platform(plain=True, accounts=accounts_with(url)) as here,
        ):
            body = {"mine": DEFAULT_AUTH_KEY, "other": SHOP, SHOP: 1}
            answer = await here.post(packet((852, "67000011"), CUSTOMER_BODY=body, ORIGINAL_ADDR=SHOP))
            [report] = await here.reported(answer.uids[0])
            assert json.loads(receiver.reports[0].customer_body or "") == body
            assert receiver.reports[0].source == SHOP
            pushed = json.loads(report["attempts"][0]["request"])
            assert pushed["CUSTOMER_BODY"] == {
                "mine": fingerprint(DEFAULT_AUTH_KEY),
                "other": fingerprint(SHOP),
                fingerprint(SHOP): 1,
            }
            state = await Reader(here.simulator.admin_listener.port)("/api/v1/state")
            assert all(json.dumps(key, ensure_ascii=False)[1:-1] in state for key in KEYS)

    run(story())


def test_a_text_with_a_key_is_billed_as_it_came(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(plain=True, accounts=accounts_with("http://localhost:9/")) as here:
            text = f"{SHOP} {'x' * 140}"
            await here.post(packet(SMS_CONTENT=text))
            [message] = await here.items("messages")
            assert (message["text"], message["segments"]) == (f"{fingerprint(SHOP)} {'x' * 140}", 2)

    run(story())


def test_the_key_of_an_account_made_later_is_hidden_in_what_came_before(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(plain=True) as here:
            read = Reader(here.simulator.admin_listener.port)
            await here.post(packet(SMS_CONTENT=OTHERS, CUSTOMER_BODY={"mine": OTHERS}, VERSION=OTHERS))
            await here.post(packet(SMS_CONTENT=OTHERS, CUSTOMER_BODY={"mine": OTHERS}))
            assert OTHERS in await read("/api/v1/messages")
            created = await read("/api/v1/accounts", "POST", json.dumps({"name": "later", "auth_key": OTHERS}))
            assert json.loads(created)["auth_key"] == OTHERS
            shown = [await read(address) for address in ("/api/v1/messages", "/api/v1/requests", "/", "/requests/1")]
            assert [text for text in shown if OTHERS in text] == []
            assert fingerprint(OTHERS) in shown[0]

    run(story())


def test_a_key_that_is_in_its_accounts_name_is_no_secret_and_spoils_no_names(run, platform, packet) -> None:
    async def story() -> None:
        accounts = (AccountSettings(), AccountSettings(name="tenant-one", auth_key="tenant-one"))
        weak = (AccountSettings(name="weak", auth_key="customer_body"),)
        async with platform(plain=True, accounts=(*accounts, *weak)) as here:
            await here.post(packet(AUTH_KEY="tenant-one", CUSTOMER_BODY={"A": "customer_body"}))
            [message] = await here.items("messages", "tenant-one")
            assert (message["account"], message["customer_body"]) == ("tenant-one", {"A": fingerprint("customer_body")})
            [request] = await here.items("requests", "tenant-one")
            assert fingerprint("tenant-one") in str(request["body"])

    run(story())
