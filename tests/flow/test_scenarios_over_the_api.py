"""Scenarios, rules and faults over the admin API, with a customer's client on real sockets.

Reading: R21, R22.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cloudsms_simulator.config.settings import load_settings
from cloudsms_simulator.engine.account import AccountDirectory
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.simulator import Simulator

Json = dict[str, object]

OK, BUSY, INTERCEPT = ResultCode.OK, ResultCode.BUSY, ResultCode.INTERCEPT
CERTIFICATES = {
    "expired": "certificate has expired",
    "not_yet_valid": "certificate is not yet valid",
    "wrong_host": "Hostname mismatch",
    "unknown_ca": "unable to get local issuer certificate",
    "wrong_usage": "certificate purpose",
}


async def call(simulator: Simulator, method: str, path: str, body: object = None, status: int = 200) -> Json:
    """What the admin API answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.admin_listener.port)
    octets = b"" if body is None else json.dumps(body).encode()
    head = f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(octets)}\r\n\r\n"
    writer.write(head.encode() + octets)
    answer = await reader.read()
    writer.close()
    told, _, content = answer.partition(b"\r\n\r\n")
    assert told.split()[1] == str(status).encode(), content
    decoded: Json = json.loads(content)
    return decoded


@pytest.fixture
def begun(folder: Path) -> Callable[..., object]:
    """Starts a simulator as `serve` would, with these flags."""

    @asynccontextmanager
    async def start(**flags: str) -> AsyncIterator[Simulator]:
        loaded = load_settings({"port": "0", "admin_port": "0", "certs": str(folder), "clock": "frozen"} | flags, {})
        simulator = Simulator(loaded.settings, loaded.scenario)
        await simulator.start()
        try:
            yield simulator
        finally:
            await simulator.stop()

    return start


def test_a_rule_laid_down_makes_the_platform_busy_twice(run, platform, packet) -> None:
    async def story() -> None:
        async with platform() as here, here.client() as client:
            rule = {"id": "busy", "match": {"to": "852*"}, "reply": [{"code": "Busy", "times": 2}, "OK"]}
            laid_down = await call(here.simulator, "POST", "/rules", rule)
            assert laid_down == {
                "id": "busy",
                "kind": "rule",
                "book": None,
                "hits": 0,
                "enabled": True,
                "definition": rule,
                "warnings": [],
            }
            assert [(await client.post(packet())).codes[1] for _ in range(3)] == [BUSY, BUSY, OK]
            assert [item["rule"] for item in await here.items("requests")] == ["busy"] * 3
            [shown] = (await call(here.simulator, "GET", "/rules"))["items"]  # type: ignore[misc]
            assert shown["hits"] == 3  # type: ignore[call-overload]
            await call(here.simulator, "DELETE", "/rules/busy")
            assert (await client.post(packet())).codes == [OK, OK]
            assert (await here.items("requests"))[0]["rule"] is None

    run(story())


def test_a_fault_laid_down_takes_the_answer_and_the_message_is_sent_all_the_same(run, platform, packet) -> None:
    async def story() -> None:
        async with platform() as here:
            await call(here.simulator, "POST", "/faults", {"id": "lost", "fault": "PROCESSED_NO_ANSWER", "times": 1})
            async with here.client() as client:
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await client.post(packet())
            assert (await here.post(packet())).codes == [OK, OK]
            assert [item["fault"] for item in await here.items("requests")] == [None, "PROCESSED_NO_ANSWER"]
            assert len(await here.items("messages")) == 2

    run(story())


@pytest.mark.parametrize("trouble", CERTIFICATES)
def test_a_listener_opened_for_it_has_the_trouble_and_the_usual_port_has_not(run, platform, packet, trouble) -> None:
    async def story() -> None:
        async with platform() as here:
            opened = await call(here.simulator, "POST", "/faults/tls", {"trouble": trouble})
            assert opened["trouble"] == trouble
            assert (await call(here.simulator, "GET", "/faults/tls"))["items"] == [opened]
            address = urlsplit(str(opened["url"]))
            with pytest.raises(ssl.SSLCertVerificationError, match=CERTIFICATES[trouble]):
                await asyncio.open_connection(
                    address.hostname, address.port, ssl=here.tls(), server_hostname="localhost"
                )
            assert (await here.post(packet())).codes == [OK, OK]

    run(story())


def test_a_handshake_is_cut_where_that_was_asked_for(run, platform) -> None:
    async def story() -> None:
        async with platform() as here:
            opened = await call(here.simulator, "POST", "/faults/tls", {"trouble": "cut_handshake"})
            port = urlsplit(str(opened["url"])).port
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await asyncio.open_connection("127.0.0.1", port, ssl=here.tls(), server_hostname="localhost")

    run(story())


def test_a_scenario_is_put_to_use_and_ends_when_it_is_stopped(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(seed=7) as here:
            text = "version: 1\nname: closed\nseed: 3\nrules: [{ id: no, reply: Intercept }]\n"
            used = await call(here.simulator, "POST", "/scenarios/use", {"text": text})
            assert (used["playing"]["name"], used["seed"]) == ("closed", 3)  # type: ignore[index]
            assert (await here.post(packet())).codes[1] == INTERCEPT
            used = await call(here.simulator, "POST", "/scenarios/use", {"name": "delivered", "seed": 9})
            assert (used["playing"]["name"], used["seed"]) == ("delivered", 9)  # type: ignore[index]
            assert (await here.post(packet())).codes == [OK, OK]
            stopped = await call(here.simulator, "POST", "/scenarios/stop")
            assert (stopped["playing"], stopped["seed"]) == (None, 7)

    run(story())


def test_a_scenario_with_mistakes_is_refused_with_all_of_them_and_the_one_before_goes_on(run, begun, folder) -> None:
    async def story() -> None:
        async with begun(scenario="intercept") as simulator:
            text = f"version: 1\ninclude: {folder}/x.yaml\nrules: [{{ reprot: [] }}]\n"
            problem = await call(simulator, "POST", "/scenarios/use", {"text": text}, 400)
            first, second = problem["problems"]  # type: ignore[misc]
            assert str(first).startswith("scenario.yaml:2:10: include[0]: there is no bundled scenario")
            assert second == 'scenario.yaml:3:11: unknown key "reprot"; did you mean "report"?'
            assert problem["detail"] == f"{first}\n{second}"
            playing = (await call(simulator, "GET", "/scenarios"))["playing"]
            assert playing["name"] == "intercept"  # type: ignore[index]

    run(story())


def test_a_reset_brings_everything_back(run, begun) -> None:
    async def story() -> None:
        async with begun(scenario="balance-runs-out", seed="5") as simulator:
            [before] = (await call(simulator, "GET", "/accounts"))["items"]  # type: ignore[misc]
            assert (before["scenario"], before["seed"]) == ("balance-runs-out", 5)
            assert before["balance"] == {"amount": "0.25", "currency": "USD"}
            text = "version: 1\nname: rich\naccounts: [{ name: default, balance: unlimited, prices: { '65': 1 } }]"
            await call(simulator, "POST", "/scenarios/use", {"text": text, "seed": 6})
            await call(simulator, "POST", "/rules", {"reply": "Busy"})
            await call(simulator, "POST", "/faults", {"delay": "1ms"})
            [between] = (await call(simulator, "GET", "/accounts"))["items"]  # type: ignore[misc]
            assert (between["scenario"], between["seed"], between["rules"]) == ("rich", 6, 2)
            assert (between["balance"], between["prices"]) == ("unlimited", {"65": "1"})
            assert await call(simulator, "POST", "/accounts/default/reset") == before
            assert (await call(simulator, "GET", "/rules"))["items"] == []
            assert is_one(simulator.directory)

    run(story())


def is_one(directory: AccountDirectory) -> bool:
    """Whether an account is found by its key as it is by its name."""
    return all(directory.find(account.auth_key) is account for account in directory)
