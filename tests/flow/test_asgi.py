"""The platform as an ASGI application: under uvicorn, mounted, and in process; when its work begins, and when it ends.

Reading: R27.
"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import httpx2
import msgspec
import pytest
import uvicorn
from every_address import first_octets, follow_everything
from patience import DEADLINE
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.net.asgi import ConnectionCutError
from cloudsms_simulator.net.certificates import CertificateFiles
from cloudsms_simulator.push.receiver import Receiver
from cloudsms_simulator.pytest_plugin.server import RemoteServer
from cloudsms_simulator.simulator import Simulator

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2])
CUTS = {
    "67555401": "connection reset by peer",
    "67555402": "the connection ends without a whole answer",
    "67555403": "the connection ends without a whole answer",
    "67555405": "the connection ends without a whole answer",
}
"""Magic numbers whose fault ends the connection, and what is said of it."""


@pytest.fixture
def open_settings(certificates: CertificateFiles) -> Settings:
    return Settings(certs=certificates.directory, asgi_admin="open")


@pytest.fixture
def simulator(request: pytest.FixtureRequest, open_settings: Settings, tmp_path: Path) -> Simulator:
    """Keeps everything in memory, or in the file that a parameter names."""
    name = getattr(request, "param", None)
    place = None if name is None else StorePlace("sqlite", str(tmp_path / name))
    return Simulator(msgspec.structs.replace(open_settings, store=place))


IN_MEMORY_AND_IN_A_FILE = pytest.mark.parametrize("simulator", [None, "kept.db"], ids=["memory", "file"], indirect=True)


@contextlib.asynccontextmanager
async def calling(app: Any, library: Any = httpx2) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that calls an application in this event loop."""
    async with library.AsyncClient(
        transport=library.ASGITransport(app), base_url="http://localhost", timeout=DEADLINE
    ) as client:
        yield client


async def total(client: httpx2.AsyncClient, root: str = "") -> int:
    """How many messages the journal has."""
    found: int = (await client.get(f"{root}/api/v1/messages")).json()["total"]
    return found


# In process


@LIBRARIES
def test_a_packet_is_answered_and_kept_without_a_socket(
    run: Any, simulator: Simulator, packet: Any, library: ModuleType
) -> None:
    async def story() -> None:
        async with calling(simulator.app, library) as client:
            answer = await client.post("/dave/io", content=packet())
            assert (answer.status_code, answer.json()["RESULT_CODE"]) == (200, 1)
            assert answer.headers["content-type"] == "application/json"
            [kept] = (await client.get("/api/v1/requests")).json()["items"]
            assert (kept["kind"], kept["target"], kept["tls"]) == ("uip", "/dave/io", None)
            assert [each["rule"] for each in kept["findings"]] == ["time-skew"]
            assert ["content-length", str(len(packet()))] in kept["headers"]

    run(story())


def test_it_opens_no_port(run: Any, open_settings: Settings, packet: Any) -> None:
    async def story() -> None:
        with socket.socket() as first, socket.socket() as second:
            for each in (first, second):
                each.bind(("127.0.0.1", 0))
            ports = [each.getsockname()[1] for each in (first, second)]
        settings = msgspec.structs.replace(open_settings, port=ports[0], admin_port=ports[1])
        async with calling(Simulator(settings).app) as client:
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1
            for path in ("/", "/api/v1/info", "/metrics", "/readyz", "/api/v1/explain?account=default"):
                await client.get(path)
            for port in ports:
                with socket.socket() as probe:
                    assert probe.connect_ex(("127.0.0.1", port)) != 0

    run(story())


def test_what_comes_by_its_ports_and_what_comes_in_process_is_one_journal(run: Any, platform: Any, packet: Any) -> None:
    async def story() -> None:
        async with platform(asgi_admin="open") as server, calling(server.simulator.app) as client:
            await server.post(packet())
            await client.post("/dave/io", content=packet())
            assert await total(client) == 2
            peers = [each["peer"] for each in await server.items("requests")]
            assert len(set(peers)) == 2
            told = (await client.get("/api/v1/info")).json()["urls"]
            assert told["admin"] == "http://localhost" != server.simulator.info(()).urls.admin

    run(story())


def test_a_report_follows_its_answer(run: Any, simulator: Simulator, receiving: Any, packet: Any) -> None:
    async def story() -> None:
        receiver = Receiver()
        async with receiving(receiver) as url, calling(simulator.app) as client:
            await client.patch("/api/v1/accounts/default", json={"callback": {"url": url}})
            answer = await client.post("/dave/io", content=packet())
            waited = await client.get("/api/v1/reports/wait", params={"match": "outcome:answered", "timeout": "60s"})
            assert waited.json()["items"][0]["uid"] == answer.json()["DETAIL_LIST"][0]["SMS_UID"]
            assert receiver.received == 1

    run(story())


@pytest.mark.parametrize(
    ("method", "path", "status", "rule"),
    [
        ("POST", "/dave/IO", 404, "path-wrong"),
        ("POST", "/dave", 404, "path-wrong"),
        ("GET", "/dave/io", 405, "http-method-wrong"),
    ],
)
def test_what_is_no_packet_is_told_and_kept(
    run: Any, simulator: Simulator, method: str, path: str, status: int, rule: str
) -> None:
    async def story() -> None:
        async with calling(simulator.app) as client:
            assert (await client.request(method, path)).status_code == status
            [kept] = (await client.get("/api/v1/requests?account=*")).json()["items"]
            assert ([each["rule"] for each in kept["findings"]], kept["target"]) == ([rule], path)

    run(story())


def test_a_body_that_is_too_large_or_never_whole_is_refused(run: Any, open_settings: Settings, packet: Any) -> None:
    settings = msgspec.structs.replace(open_settings, body_limit=1000)

    async def story() -> None:
        app = Simulator(settings).app
        async with calling(app) as client:

            async def pieces() -> AsyncIterator[bytes]:
                for _ in range(3):
                    yield b"x" * 500

            assert (await client.post("/dave/io", content=pieces())).status_code == 413
            assert (await client.post("/dave/io", content=b"x" * 1001)).status_code == 413

            gone = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

            async def receive() -> Message:
                return next(gone)

            sent: list[Message] = []

            async def send(message: Message) -> None:
                sent.append(message)

            await app(scope_of("/dave/io"), receive, send)
            assert sent == []
            kept = (await client.get("/api/v1/requests?account=*")).json()["items"]
            assert [[each["rule"] for each in item["findings"]] for item in kept] == [
                ["body-unfinished"], ["body-too-large"], ["body-too-large"],
            ]  # fmt: skip

    run(story())


def scope_of(path: str, **more: object) -> Scope:
    """What a server must tell of a POST, and no more."""
    return {"type": "http", "method": "POST", "path": path, "headers": [], **more}


def test_a_client_without_an_address_is_one_of_this_machine(run: Any, open_settings: Settings, packet: Any) -> None:
    async def story() -> None:
        clients = (None, ("testclient", 50_000), ("::ffff:127.0.0.1", 5), ("127.0.0.9", 0), ["127.0.0.9", 1])
        answers = [await answered(app, packet(), client=client) for client in clients]
        assert [b'"RESULT_CODE":1' in each for each in answers] == [True] * 5
        with pytest.raises(ConnectionCutError):
            await answered(app, packet(), client=("10.0.0.1", 5))
        await simulator.journal.written()
        async with calling(app) as caller:
            kept = (await caller.get("/api/v1/requests?account=*")).json()["items"]
            assert [(each["kind"], each["peer"]) for each in kept] == [("closed", "10.0.0.1:5")]
            peers = [each["peer"] for each in (await caller.get("/api/v1/requests")).json()["items"]]
            assert peers == ["127.0.0.9:1", "127.0.0.9:0", "127.0.0.1:5", "127.0.0.1:50000", "127.0.0.1:0"]

    simulator = Simulator(msgspec.structs.replace(open_settings, whitelist=(ip_network("127.0.0.0/8"),)))
    app = simulator.app
    run(story())


async def answered(app: Any, body: bytes, **scope: object) -> bytes:
    """The body of the answer to a packet."""
    coming = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of("/dave/io", **scope), receive, send)
    return b"".join(message.get("body", b"") for message in sent)


def test_a_websocket_is_turned_away(simulator: Simulator) -> None:
    with TestClient(simulator.app) as client, pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass


# What cannot be done


@LIBRARIES
@pytest.mark.parametrize(("number", "said"), CUTS.items())
def test_a_fault_that_ends_the_connection_fails_in_process(
    run: Any, simulator: Simulator, packet: Any, library: ModuleType, number: str, said: str
) -> None:
    async def story() -> None:
        async with calling(simulator.app, library) as client:
            with pytest.raises(ConnectionCutError, match=f"^{said}$"):
                await client.post("/dave/io", content=packet((852, number)))
            [kept] = (await client.get("/api/v1/requests")).json()["items"]
            assert kept["fault"] is not None
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1

    run(story())


@pytest.mark.parametrize(("number", "status"), [("67555407", 500), ("67555408", 200), ("67555406", 200)])
def test_a_fault_that_spoils_an_answer_is_as_anywhere(
    run: Any, simulator: Simulator, packet: Any, number: str, status: int
) -> None:
    async def story() -> None:
        async with calling(simulator.app) as client:
            answer = await client.post("/dave/io", content=packet((852, number)))
            assert answer.status_code == status
            with pytest.raises(ValueError, match=r"Expecting|delimiter"):
                answer.json()

    run(story())


def test_a_hang_is_over_when_the_client_leaves(run: Any, simulator: Simulator, packet: Any) -> None:
    async def story() -> None:
        body, left = packet((852, "67555404")), asyncio.Event()
        asked = asyncio.Event()

        async def receive() -> Message:
            if not asked.is_set():
                asked.set()
                return {"type": "http.request", "body": body}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            raise AssertionError(message)

        hanging = asyncio.create_task(simulator.app(scope_of("/dave/io"), receive, send))
        async with calling(simulator.app) as client:
            await client.get("/api/v1/requests/wait", params={"match": "fault:ACCEPT_THEN_HANG", "timeout": "60s"})
        assert not hanging.done()
        left.set()
        await asyncio.wait_for(hanging, DEADLINE)

    run(story())


@pytest.mark.parametrize("answers", ["late", "dribbling"])
def test_an_answer_that_takes_its_time_comes_whole(run: Any, simulator: Simulator, packet: Any, answers: str) -> None:
    fault = {"delay": "20ms"} if answers == "late" else {"fault": "DRIBBLE", "over": "100ms"}

    async def story() -> None:
        async with calling(simulator.app) as client:
            made = await client.post("/api/v1/faults", json={"id": "slow", **fault})
            assert made.status_code == 200, made.text
            answer = await client.post("/dave/io", content=packet())
            assert answer.json()["RESULT_CODE"] == 1

    run(story())


# Begin and end


def test_nothing_is_begun_before_the_first_request_and_all_ends_with_the_lifespan(
    run: Any, simulator: Simulator, packet: Any
) -> None:
    async def story() -> None:
        told: asyncio.Queue[Message] = asyncio.Queue()
        said: asyncio.Queue[Message] = asyncio.Queue()
        before = asyncio.all_tasks()
        living = asyncio.create_task(simulator.app({"type": "lifespan"}, told.get, said.put))
        await told.put({"type": "lifespan.startup"})
        assert (await said.get())["type"] == "lifespan.startup.complete"
        assert asyncio.all_tasks() - before == {living}
        assert not simulator.is_serving()
        async with calling(simulator.app) as client:
            await client.post("/dave/io", content=packet())
            assert (await client.get("/readyz")).status_code == 200
            async with client.stream("GET", "/livez"):
                pass
            await told.put({"type": "lifespan.shutdown"})
            assert (await said.get())["type"] == "lifespan.shutdown.complete"
            await living
            assert asyncio.all_tasks() == before
            assert not simulator.is_serving()
            assert await total(client) == 0, "after its end it begins anew"

    run(story())


@IN_MEMORY_AND_IN_A_FILE
def test_without_a_lifespan_it_ends_with_the_event_loop_and_goes_on_in_the_next(
    simulator: Simulator, packet: Any, certificates: CertificateFiles
) -> None:
    async def story(expected: int) -> None:
        async with calling(simulator.app) as client:
            assert await total(client) == expected
            made = await client.post("/api/v1/accounts", json={"name": f"shop-{expected}"})
            assert made.status_code == 201
            answer = await client.post("/dave/io", content=packet(AUTH_KEY=made.json()["auth_key"]))
            assert answer.json()["RESULT_CODE"] == 1
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1
            assert len((await client.get("/api/v1/accounts")).json()["items"]) == expected + 2

    for expected in range(3):
        asyncio.run(story(expected))
    assert not simulator.is_serving()


@IN_MEMORY_AND_IN_A_FILE
def test_what_stood_in_a_loop_that_ended_without_a_word_is_not_lost(simulator: Simulator, packet: Any) -> None:
    async def send_one() -> int:
        async with calling(simulator.app) as client:
            await client.post("/dave/io", content=packet())
            return await total(client)

    loop = asyncio.new_event_loop()
    assert [loop.run_until_complete(send_one()), loop.run_until_complete(send_one())] == [1, 2]
    assert asyncio.run(send_one()) == 3
    [work] = asyncio.all_tasks(loop)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(work)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


DROPPED = """
import asyncio, gc, sys
import httpx2
from cloudsms_simulator import Settings, Simulator

app = Simulator(Settings(asgi_admin="open")).app

async def send_one():
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client:
        await client.post("/dave/io", content=b"{}")
        return (await client.get("/api/v1/requests?account=*")).json()["total"]

loop = asyncio.new_event_loop()
seen = [loop.run_until_complete(send_one())]
loop.run_until_complete(loop.shutdown_default_executor())
loop.close()
del loop
seen += [asyncio.run(send_one()), asyncio.run(send_one())]
gc.collect()
print(seen)
print("so far", file=sys.stderr, flush=True)
"""


def test_a_loop_that_is_closed_with_its_tasks_in_it_leaves_nothing_in_the_log() -> None:
    command = [sys.executable, "-W", "default", "-c", DROPPED]
    run = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert run.stdout == "[1, 2, 3]\n"
    assert run.stderr.startswith("so far\n")
    assert "GeneratorExit" not in run.stderr


@IN_MEMORY_AND_IN_A_FILE
def test_two_event_loops_at_a_time_share_it(simulator: Simulator, packet: Any) -> None:
    first_is_there, second_is_done = threading.Event(), threading.Event()
    seen: dict[str, object] = {}

    async def first() -> None:
        async with calling(simulator.app) as client:
            await client.post("/dave/io", content=packet())
            first_is_there.set()
            await asyncio.to_thread(second_is_done.wait, DEADLINE)
            seen["first"] = await total(client)

    async def second() -> None:
        async with calling(simulator.app) as client:
            await client.post("/dave/io", content=packet())
            seen["second"] = await total(client)
            with pytest.raises(ConnectionCutError):
                await client.post("/dave/io", content=packet((852, "67555401")))

    thread = threading.Thread(target=asyncio.run, args=(first(),))
    thread.start()
    assert first_is_there.wait(DEADLINE)
    try:
        asyncio.run(second())
    finally:
        second_is_done.set()
        thread.join(DEADLINE)
    assert seen == {"first": 2, "second": 2}


def test_what_keeps_it_from_beginning_is_told_to_every_request(
    simulator: Simulator, packet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object, accounts: object) -> None:
        raise RuntimeError("no dispatcher today")

    async def story() -> None:
        async with calling(simulator.app) as client:
            with monkeypatch.context() as patch:
                patch.setattr("cloudsms_simulator.push.dispatcher.Dispatcher.start", fail)
                for _ in range(2):
                    with pytest.raises(RuntimeError, match="no dispatcher today"):
                        await client.post("/dave/io", content=packet())
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1

    asyncio.run(story())


# Mounted


def in_fastapi(app: Any) -> Any:
    from fastapi import FastAPI  # every worker would import it

    main = FastAPI()
    main.mount("/tools/cloudsms", app)
    return main


def in_starlette(app: Any) -> Starlette:
    return Starlette(routes=[Mount("/tools/cloudsms", app)])


def twice(app: Any) -> Starlette:
    return Starlette(routes=[Mount("/tools", Starlette(routes=[Mount("/cloudsms", app)]))])


def path_without_root(app: Any) -> Callable[[Scope, Receive, Send], Any]:
    """As a server that is told its base path, behind a proxy that takes it off, and leaves it off."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix("/tools/cloudsms")
        await app({**scope, "root_path": "/tools/cloudsms/", "path": path}, receive, send)

    return served


@pytest.mark.parametrize("mounted", [in_fastapi, in_starlette, twice, path_without_root])
def test_mounted_every_address_begins_with_the_base_path(
    run: Any, simulator: Simulator, packet: Any, mounted: Callable[[Any], Any]
) -> None:
    base = "/tools/cloudsms"

    async def story() -> None:
        async with calling(mounted(simulator.app)) as client:

            async def post(body: bytes) -> Any:
                return Uids((await client.post(f"{base}/dave/io", content=body)).json())

            await follow_everything(client, base, packet, post)
            made = await client.post(f"{base}/api/v1/accounts", json={"name": "shop"})
            assert made.headers["location"] == f"{base}/api/v1/accounts/shop"
            info = (await client.get(f"{base}/api/v1/info")).json()
            assert info["urls"] == {
                "platform": f"http://localhost{base}/dave/io",
                "admin": f"http://localhost{base}",
            }
            assert (info["ports"], info["plain"], info["mtls"]) == ({"platform": 80, "admin": 80}, True, "off")
            explained = (await client.get(f"{base}/api/v1/explain?request=2")).json()
            assert f" http://localhost{base}/dave/io " in explained["correction"]["curl"]
            assert "--cacert" not in explained["correction"]["curl"]

    run(story())


class Uids:
    """An answer, of which the SMS_UIDs are asked for."""

    def __init__(self, answer: Any) -> None:
        self.uids = [item["SMS_UID"] for item in answer.get("DETAIL_LIST", [])]


def test_a_base_path_of_any_letters_is_percent_encoded_in_links(guarded: Any) -> None:
    client = TestClient(Starlette(routes=[Mount("/t\xe4st & co", guarded(admin_token="secret"))]))
    encoded = "/t%C3%A4st%20%26%20co"
    client.headers["authorization"] = "Bearer secret"
    [script] = re.findall(r'src="([^"]+inbox.js[^"]+)"', client.get(f"{encoded}/").text)
    assert script.startswith(f"{encoded}/static/")
    assert client.get(script).status_code == 200
    made = client.post(f"{encoded}/api/v1/accounts", json={"name": "shop"})
    assert made.headers["location"] == f"{encoded}/api/v1/accounts/shop"
    asked = {"token": "secret", "next": "/t\xe4st & co/overview"}
    entered = client.post(f"{encoded}/login", data=asked, follow_redirects=False)
    assert entered.headers["location"] == "/t%C3%A4st%20&%20co/overview"
    assert f"Path={encoded}/" in entered.headers["set-cookie"]
    assert client.get(f"{encoded}/api/v1/info").json()["urls"]["admin"] == f"http://testserver{encoded}"


def test_a_test_client_that_runs_no_lifespan_finds_what_was_there(simulator: Simulator, packet: Any) -> None:
    client = TestClient(in_fastapi(simulator.app))
    assert client.post("/tools/cloudsms/dave/io", content=packet()).json()["RESULT_CODE"] == 1
    assert client.get("/tools/cloudsms/api/v1/messages").json()["total"] == 1


# Who may use the admin API


@pytest.fixture
def guarded(certificates: CertificateFiles) -> Callable[..., Any]:
    """The application with settings, and its admin API for whoever has a token."""
    return lambda **settings: Simulator(Settings(certs=certificates.directory, **settings)).app


HTML = {"accept": "text/html"}


def test_the_admin_api_wants_its_token_and_the_platform_none(run: Any, guarded: Any, packet: Any) -> None:
    async def story() -> None:
        async with calling(guarded(admin_token="secret")) as client:
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1
            assert (await client.get("/api/v1/messages")).status_code == 401
            assert (await client.get("/metrics")).status_code == 401
            assert 'action="/login"' in (await client.get("/", headers=HTML)).text
            assert [(await client.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
            client.headers["authorization"] = "Bearer secret"
            for host in ("localhost", "sms.example.com", "10.0.0.7:8000"):
                assert (await client.get("/api/v1/messages", headers={"host": host})).status_code == 200

    run(story())


def test_without_a_token_nobody_may_and_it_says_how_to_change_that(run: Any, guarded: Any, packet: Any) -> None:
    async def story() -> None:
        async with calling(guarded()) as client:
            for headers in ({}, HTML, {"authorization": "Bearer "}, {"authorization": "Bearer None"}):
                answer = await client.get("/api/v1/accounts", headers=headers)
                assert answer.status_code == 401
                assert "CLOUDSMS_SIM_ADMIN_TOKEN" in answer.json()["detail"]
                assert "CLOUDSMS_SIM_ASGI_ADMIN" in answer.json()["detail"]
            assert (await client.get("/", headers=HTML)).json()["status"] == 401
            entered = await client.post("/login", data={"token": ""})
            assert (entered.status_code, entered.headers.get("set-cookie")) == (401, None)
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1

    run(story())


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:8000", 200), ("127.0.0.1", 200), ("testserver", 200), ("sms.test", 200), ("evil.test", 421)],
)
def test_open_to_everybody_it_answers_to_its_own_names_alone(run: Any, guarded: Any, host: str, status: int) -> None:
    async def story() -> None:
        async with calling(guarded(asgi_admin="open", hosts=("sms.test",))) as client:
            assert (await client.get("/api/v1/accounts", headers={"host": host})).status_code == status

    run(story())


@pytest.mark.parametrize(
    ("scheme", "host", "origin", "status"),
    [
        ("http", "localhost:8000", "http://localhost:8000", 200),
        ("https", "localhost:8000", "https://localhost:8000", 200),
        ("https", "localhost:8000", "http://localhost:8000", 403),
        ("http", "localhost:8000", "http://localhost:3000", 403),
        ("http", "localhost:8000", "https://evil.test", 403),
        ("http", "sms.example.com", "https://sms.example.com", 200),
    ],
)
def test_pages_of_other_sites_are_refused_there_too(
    run: Any, guarded: Any, scheme: str, host: str, origin: str, status: int
) -> None:
    async def story() -> None:
        async with calling(guarded(admin_token="secret")) as client:
            headers = {"host": host, "origin": origin, "authorization": "Bearer secret"}
            answer = await client.get(f"{scheme}://localhost/api/v1/accounts", headers=headers)
            assert answer.status_code == status

    run(story())


# Under uvicorn


class Uvicorn:
    """Stock uvicorn in a process of its own."""

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        self._log = folder / "uvicorn.txt"
        command = [sys.executable, "-m", "uvicorn", "cloudsms_simulator.asgi:app", "--port", "0", *options]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSMS_")}
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(command, env=kept | variables, stdout=output, stderr=output)

    async def url(self, until: Callable[..., Any]) -> str:
        """Where it serves, once it does."""

        async def told() -> str | None:
            assert self._process.poll() is None, self.said
            found = re.search(r"running on (http://\S+)", self.said)
            return None if found is None else found[1]

        url: str = await until(told)
        return url

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def end(self) -> int:
        """Its exit code after SIGTERM, or whenever it ends by itself."""
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        try:
            return self._process.wait(DEADLINE)
        finally:
            self._process.kill()


@pytest.fixture
def stock_uvicorn(tmp_path: Path, certificates: CertificateFiles) -> Iterator[Callable[..., Uvicorn]]:
    started = []

    def start(*options: str, **variables: str) -> Uvicorn:
        server = Uvicorn(tmp_path, *options, CLOUDSMS_SIM_CERTS=str(certificates.directory), **variables)
        started.append(server)
        return server

    yield start
    for each in started:
        each.end()


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_stock_uvicorn_serves_all_of_it(run: Any, stock_uvicorn: Any, condition: Any, packet: Any, http: str) -> None:
    async def story() -> None:
        server = stock_uvicorn("--http", http, CLOUDSMS_SIM_ADMIN_TOKEN="secret")
        url = await server.url(condition)
        token = {"authorization": "Bearer secret"}
        async with httpx2.AsyncClient(base_url=url, headers=token, trust_env=False, timeout=DEADLINE) as client:
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1
            assert await total(client) == 1
            remote = await asyncio.to_thread(RemoteServer, url, "secret")
            assert (remote.url, remote.mtls) == (f"{url}/dave/io", "off")
            remote.close()
            assert (await client.get("/api/v1/messages", headers={"authorization": ""})).status_code == 401
            assert (await client.get("/")).status_code == 200
            assert (await first_octets(client, "/api/v1/events"))[0] == 200
            for number in CUTS:
                with pytest.raises(httpx2.RemoteProtocolError):
                    await client.post("/dave/io", content=packet((852, number)))
            assert (await client.post("/dave/io", content=packet((852, "67555407")))).status_code == 500
            assert (await client.post("/dave/io", content=packet())).json()["RESULT_CODE"] == 1
        server.end()
        assert "Application shutdown complete" in server.said

    run(story())


def test_uvicorn_that_is_told_a_base_path_gives_it_to_every_address(
    run: Any, stock_uvicorn: Any, condition: Any, packet: Any
) -> None:
    async def story() -> None:
        server = stock_uvicorn("--root-path", "/tools/cloudsms", CLOUDSMS_SIM_ASGI_ADMIN="open")
        async with httpx2.AsyncClient(
            base_url=await server.url(condition), trust_env=False, timeout=DEADLINE
        ) as client:
            page = (await client.get("/")).text
            assert 'action="/tools/cloudsms/"' in page
            assert 'href="/' not in page.replace('href="/tools/cloudsms/', "")

    run(story())


def test_settings_that_are_wrong_keep_a_server_from_starting(stock_uvicorn: Any) -> None:
    server = stock_uvicorn(CLOUDSMS_SIM_CLOCK="backwards")
    assert server.ended() != 0
    assert 'environment CLOUDSMS_SIM_CLOCK: got "backwards"' in server.said


def test_a_client_that_leaves_in_the_middle_leaves_nothing_in_the_log(
    simulator: Simulator, packet: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        config = uvicorn.Config(simulator.app, port=0, log_config=None, lifespan="on")
        server = uvicorn.Server(config)
        sock = config.bind_socket()
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        port = sock.getsockname()[1]
        while not server.started:
            await asyncio.sleep(0)
        body = packet((852, "67555404"))
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /dave/io HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=DEADLINE) as client:
            await client.get("/api/v1/requests/wait", params={"match": "fault:ACCEPT_THEN_HANG", "timeout": "60s"})
        writer.transport.abort()
        server.should_exit = True
        await serving

    asyncio.run(story())
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []


# What it costs to import


def test_importing_it_loads_nothing_and_starts_nothing() -> None:
    code = (
        "import sys, threading; from cloudsms_simulator.asgi import app\n"
        "ours = sorted(name for name in sys.modules if name.startswith('cloudsms_simulator'))\n"
        "heavy = sorted({'asyncio', 'starlette', 'msgspec', 'httptools', 'cryptography'} & set(sys.modules))\n"
        "print(ours, heavy, threading.active_count())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert run.stdout.strip() == "['cloudsms_simulator', 'cloudsms_simulator.asgi'] [] 1"
