"""Stories: a whole simulator on real sockets, a customer's client and its receiver, in one event loop.

Nothing here waits for time to pass; what has no event to wait for is asked for until it is so, or a deadline is over.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from patience import DEADLINE, STORY

from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.net.sockets import open_socket
from cloudsms_simulator.net.tls import platform_context, tls_facts
from cloudsms_simulator.push.receiver import Receiver
from cloudsms_simulator.simulator import Simulator

Json = dict[str, object]
Found = TypeVar("Found")


class Answer(msgspec.Struct):
    """An HTTP answer as a client sees it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        packet: Json = json.loads(self.body)
        return packet

    @property
    def codes(self) -> list[object]:
        """The top-level code, then each destination's."""
        return [self.json["RESULT_CODE"], *(item["RESULT_CODE"] for item in self.json.get("DETAIL_LIST", []))]

    @property
    def uids(self) -> list[str]:
        return [item["SMS_UID"] for item in self.json["DETAIL_LIST"]]


class Client:
    """Speaks HTTP in raw bytes on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))
        await self.writer.drain()

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer; one to a HEAD request has no body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), DEADLINE)
        line, *lines = head.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = 0 if to_head else int(headers.get("content-length", "0"))
        return Answer(int(line.split()[1]), headers, await self.reader.readexactly(length))

    async def post(self, body: bytes, *headers: str, path: str = "/dave/io") -> Answer:
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
        await self.send("\r\n".join(lines).encode(), body)
        return await self.answer()

    async def ended(self) -> bytes:
        """What still comes until the other side closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), DEADLINE)
        except ConnectionError:
            return b""

    def hang_up(self) -> None:
        self.writer.transport.abort()


class Platform:
    """A running simulator, as a client and a user of its admin API meet it."""

    def __init__(self, simulator: Simulator, files: CertificateFiles) -> None:
        self.simulator = simulator
        self._files = files

    def tls(self, certificate: str | None = "customer") -> ssl.SSLContext:
        """A client that trusts us, and shows a certificate of the folder."""
        context = ssl.create_default_context(cafile=str(self._files.ca))
        if certificate is not None:
            folder = self._files.directory
            context.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}-key.pem")
        return context

    @asynccontextmanager
    async def client(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
        """A connection to the platform's port, over mutual TLS unless the platform speaks plain HTTP."""
        plain = self.simulator.settings.plain
        context = None if plain else tls or self.tls()
        port = self.simulator.listener.port
        host = None if plain else "localhost"
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
        client = Client(reader, writer)
        try:
            yield client
        finally:
            client.hang_up()

    async def post(self, body: bytes) -> Answer:
        async with self.client() as client:
            return await client.post(body)

    async def page(self, resource: str, account: str = "default", limit: int | None = 1000) -> Json:
        """A page of the admin API; what is no list has no `limit`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.simulator.admin_listener.port)
        client = Client(reader, writer)
        query = "" if resource == "accounts" else f"?account={account}"
        query += f"&limit={limit}" if query and limit is not None else ""
        target = f"/api/v1/{resource}{query}"
        await client.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = await client.answer()
        client.hang_up()
        assert answer.status == 200, answer.body
        return answer.json

    async def items(self, resource: str, account: str = "default") -> list[Json]:
        items = (await self.page(resource, account))["items"]
        assert isinstance(items, list)
        return items

    async def rules(self, account: str = "*") -> list[list[str]]:
        """What was found in each exchange, newest first."""
        return [[each["rule"] for each in item["findings"]] for item in await self.items("requests", account)]

    async def reported(self, uid: str, account: str = "default") -> list[Json]:
        """The reports of a message, in order, once nothing is left to do for it."""

        async def settled() -> list[Json] | None:
            [message] = [item for item in await self.items("messages", account) if item["uid"] == uid]
            reports = [item for item in await self.items("reports", account) if item["uid"] == uid]
            pending = not message["final"] or any(report["outcome"] == "pending" for report in reports)
            return None if pending else sorted(reports, key=lambda report: str(report["id"]))

        return await until(settled)


async def until(fact: Callable[[], Coroutine[None, None, Found | None]], deadline: float = DEADLINE) -> Found:
    """What `fact` tells as soon as it tells anything."""
    loop = asyncio.get_running_loop()
    latest = loop.time() + deadline
    while (found := await fact()) is None:
        assert loop.time() < latest, f"not so within {deadline} s"
        await asyncio.sleep(0.005)
    return found


@pytest.fixture(scope="session")
def run() -> Callable[[Coroutine[None, None, None]], None]:
    """Runs a story; one that takes a minute has failed."""

    def tell(story: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(asyncio.wait_for(story, STORY))

    return tell


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set, the expired customer included. Read only."""
    return complete_set(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def platform(certificates: CertificateFiles) -> Callable[..., object]:
    """Starts a platform with settings, in the story's own loop; it is stopped when the block is left."""

    @asynccontextmanager
    async def start(**changes: object) -> AsyncIterator[Platform]:
        settings = msgspec.structs.replace(Settings(), port=0, admin_port=0, certs=certificates.directory, **changes)
        simulator = Simulator(settings)
        await simulator.start()
        try:
            yield Platform(simulator, certificates)
        finally:
            await simulator.stop()

    return start


@pytest.fixture(scope="session")
def receiving(certificates: CertificateFiles) -> Callable[..., object]:
    """Starts a customer's receiver that demands the platform's certificate; yields its URL."""

    @asynccontextmanager
    async def start(receiver: Receiver, port: int = 0, *, plain: bool = False) -> AsyncIterator[str]:
        context = None if plain else platform_context(certificates, "required")
        listener = Listener(receiver, open_socket("127.0.0.1", port), tls=context, tls_facts=tls_facts)
        await listener.start()
        try:
            yield f"{'http' if plain else 'https'}://localhost:{listener.port}/"
        finally:
            await listener.stop()

    return start


@pytest.fixture(scope="session")
def packet() -> Callable[..., bytes]:
    """The bytes of a packet in order, but for what is said; a field that is `...` is left out."""

    def make(*destinations: tuple[object, object], **fields: object) -> bytes:
        packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2026-11-22 12:00:00",
            "AUTH_KEY": DEFAULT_AUTH_KEY,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [
                {"COUNTRY_CODE": country, "DEST_MSISDN": msisdn}
                for country, msisdn in destinations or ((852, "67000011"),)
            ],
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
            "CUSTOMER_BODY": {"order": 1},
        } | fields
        return json.dumps({name: value for name, value in packet.items() if value is not ...}).encode()

    return make


@pytest.fixture(scope="session")
def condition() -> Callable[..., object]:
    """Waits for a fact that has no event of its own."""
    return until


@pytest.fixture(autouse=True)
def _a_clean_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No story leaves an error, a traceback or a key in the log."""
    caplog.set_level(logging.INFO)
    yield
    # asyncio says what it does at DEBUG only.
    errors = [record for record in caplog.get_records("call") if record.exc_info or record.levelno >= logging.ERROR]
    assert errors == []
    assert DEFAULT_AUTH_KEY not in caplog.text


@pytest.fixture(scope="session")
def folder(certificates: CertificateFiles) -> Path:
    """Where the certificates are."""
    return certificates.directory
