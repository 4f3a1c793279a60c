"""`cloudsms.transport` and `cloudsms.async_transport`: the session's simulator without a socket, for httpx2 and httpx.

Reading: R27.
"""

import asyncio
import json
from types import ModuleType

import anyio
import httpx
import httpx2
import pytest
import trio

from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import ServerError, ServerThread
from cloudsms_simulator.pytest_plugin.transport import InProcessTransport

pytest_plugins = ["pytester"]
LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2])
FAULTS = [("67555401", "ReadError"), ("67555402", "RemoteProtocolError"), ("67555403", "RemoteProtocolError")]


def packet(cloudsms: Cloudsms, number: str = "67000011") -> bytes:
    """A packet in order, of the test's account."""
    fields = {
        "METHOD": "SMS_SEND_REQUEST", "TYPE": "REQUEST", "SERIAL": 1, "TIME": "2026-11-22 12:00:00",
        "VERSION": "2021-01-01", "SMS_CONTENT": "Your code is 123456", "AUTH_KEY": cloudsms.auth_key,
        "ROUTE_ID": cloudsms.route_id, "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": number}],
    }  # fmt: skip
    return json.dumps(fields).encode()


@LIBRARIES
def test_what_blocks_is_answered_in_process(cloudsms: Cloudsms, library: ModuleType) -> None:
    with library.Client(transport=cloudsms.transport) as client:
        answers = [client.post(cloudsms.url, content=packet(cloudsms)) for _ in range(2)]
    assert [type(answer) for answer in answers] == [library.Response] * 2
    assert [answer.json()["RESULT_CODE"] for answer in answers] == [1, 1]
    assert len(cloudsms.messages) == 2
    assert {(request.peer, request.tls) for request in cloudsms.requests} == {("127.0.0.1:0", None)}
    cloudsms.clock.advance(seconds=1)
    assert [report.outcome for report in cloudsms.reports] == ["answered", "answered"]


@LIBRARIES
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_is_awaited_is_answered_in_process(cloudsms: Cloudsms, library: ModuleType, backend: str) -> None:
    async def story() -> list[int]:
        async with library.AsyncClient(transport=cloudsms.async_transport) as client:
            answers = [await client.post(cloudsms.url, content=packet(cloudsms)) for _ in range(2)]
        assert [type(answer) for answer in answers] == [library.Response] * 2
        return [answer.json()["RESULT_CODE"] for answer in answers]

    assert anyio.run(story, backend=backend) == [1, 1]
    assert len(cloudsms.messages) == 2


def test_the_handle_to_await_has_them_too(cloudsms: Cloudsms) -> None:
    with httpx2.Client(transport=cloudsms.aio.transport) as client:
        assert client.post(cloudsms.url, content=packet(cloudsms)).json()["RESULT_CODE"] == 1


@LIBRARIES
@pytest.mark.parametrize(("number", "error"), FAULTS)
def test_a_fault_that_ends_the_connection_is_an_error_of_the_library(
    cloudsms: Cloudsms, library: ModuleType, number: str, error: str
) -> None:
    async def awaited() -> None:
        async with library.AsyncClient(transport=cloudsms.async_transport) as client:
            with pytest.raises(getattr(library, error)):
                await client.post(cloudsms.url, content=packet(cloudsms, number))

    with library.Client(transport=cloudsms.transport) as client, pytest.raises(getattr(library, error)) as caught:
        client.post(cloudsms.url, content=packet(cloudsms, number))
    assert isinstance(caught.value.request, library.Request)
    asyncio.run(awaited())
    assert len(cloudsms.requests) == 2


@LIBRARIES
def test_an_answer_that_never_comes_is_a_time_out_of_the_library(cloudsms: Cloudsms, library: ModuleType) -> None:
    with library.Client(transport=cloudsms.transport, timeout=0.01) as client, pytest.raises(library.ReadTimeout):
        client.post(cloudsms.url, content=packet(cloudsms, "67555404"))

    async def awaited() -> None:
        async with library.AsyncClient(transport=cloudsms.async_transport, timeout=0.01) as client:
            with pytest.raises(library.ReadTimeout):
                await client.post(cloudsms.url, content=packet(cloudsms, "67555404"))

    asyncio.run(awaited())
    trio.run(awaited)


def test_whoever_is_cancelled_is_gone_and_gets_no_other_error(cloudsms: Cloudsms) -> None:
    async def awaited() -> None:
        async with httpx2.AsyncClient(transport=cloudsms.async_transport, timeout=None) as client:
            with anyio.move_on_after(0.01) as scope:
                await client.post(cloudsms.url, content=packet(cloudsms, "67555404"))
            assert scope.cancelled_caught

    for backend in ("asyncio", "trio"):
        anyio.run(awaited, backend=backend)


def test_a_stream_of_events_comes_as_it_happens(cloudsms: Cloudsms) -> None:
    with httpx2.Client(transport=cloudsms.transport) as client:
        url = f"{cloudsms._server.admin_url}/api/v1/events?account={cloudsms.account.name}"
        with client.stream("GET", url) as events:
            client.post(cloudsms.url, content=packet(cloudsms))
            lines = events.iter_lines()
            assert next(line for line in lines if line.startswith("event: ")) == "event: request"


def test_the_admin_api_is_there_without_a_token(cloudsms: Cloudsms) -> None:
    with httpx2.Client(transport=cloudsms.transport, base_url=cloudsms._server.admin_url) as client:
        name = cloudsms.account.name
        assert client.get(f"/api/v1/accounts/{name}").json()["name"] == name
        assert client.get("/", headers={"accept": "text/html"}).text.startswith("<!doctype html>")


def test_time_that_a_test_has_stopped_stops_no_transport(project) -> None:
    run = project(
        """
        import asyncio
        import freezegun
        import pytest
        from sender import PACKET

        @pytest.mark.parametrize("name", ["httpx", "httpx2"])
        @freezegun.freeze_time("2030-01-01")
        def test_it(cloudsms, name):
            library = pytest.importorskip(name)
            numbers = [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}]
            packet = PACKET | {"AUTH_KEY": cloudsms.auth_key, "ROUTE_ID": cloudsms.route_id}
            packet["MULTI_MSISDN_LIST"] = numbers

            async def awaited():
                async with library.AsyncClient(transport=cloudsms.async_transport) as client:
                    return await client.post(cloudsms.url, json=packet)

            with library.Client(transport=cloudsms.transport) as client:
                answers = [client.post(cloudsms.url, json=packet), asyncio.run(awaited())]
            assert [answer.json()["RESULT_CODE"] for answer in answers] == [1, 1]
        """,
        apart=True,
    )
    run.assert_outcomes(passed=2)


def test_elsewhere_there_is_none_and_it_says_what_to_do(project, elsewhere) -> None:
    run = project(
        """
        import pytest

        @pytest.mark.parametrize("name", ["transport", "async_transport"])
        def test_it(cloudsms, name):
            getattr(cloudsms, name)
        """,
        f"--cloudsms-url={elsewhere.ready.admin_url}",
    )
    run.assert_outcomes(failed=2)
    said = "*runs in another process (--cloudsms-url), so no transport reaches it without a socket; send to*"
    run.stdout.fnmatch_lines([said])


def test_after_its_simulator_has_ended_it_says_so() -> None:
    thread = ServerThread(Settings(port=0, admin_port=0, asgi_admin="open"))
    url = thread.start().url
    transport = InProcessTransport(*thread.application())
    with httpx2.Client(transport=transport) as client:
        assert client.get("http://localhost/livez").status_code == 200
        thread.stop()
        with pytest.raises(httpx2.ConnectError, match="the simulator has ended"):
            client.get(url)


def test_before_its_simulator_runs_there_is_none() -> None:
    with pytest.raises(ServerError, match="does not run"):
        ServerThread(Settings(port=0, admin_port=0)).application()
