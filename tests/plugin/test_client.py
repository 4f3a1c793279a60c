"""The control client, blocking and awaited, against a server."""

import asyncio
import json
import re
import socket
import ssl
import tempfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cloudsms_simulator.api import http
from cloudsms_simulator.client import (
    Api,
    AsyncClient,
    Client,
    RefusedError,
    UnreachableError,
    UnreadableError,
    VerifyError,
    WaitError,
    models,
)
from cloudsms_simulator.client import resources as resources_module
from cloudsms_simulator.client.operation import Call, Resource, Unbound, operation
from cloudsms_simulator.pytest_plugin.server import LocalServer

ROUTES = Path(http.__file__).with_name("routes.py")
NOT_FOR_CLIENTS = {
    "/livez",
    "/metrics",
    "/api/v1/events",  # a stream, which is no verb
    "/api/v1/openapi.json",
    "/api/v1/docs",
    "/vendored/{path:path}",
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    server = LocalServer("required", "spec")
    yield server
    server.close()


@pytest.fixture
def client(server: LocalServer) -> Iterator[Client]:
    """A client of an account of its own."""
    name = server.client.accounts.create(clock="frozen").name
    with Client(server.admin_url, account=name) as client:
        yield client
        client.accounts.delete(name)


def test_every_endpoint_has_a_verb() -> None:
    calls: set[str] = set()
    api = Api(Unbound(), "NAME")
    resources = [api, *(each for each in vars(api).values() if isinstance(each, Resource))]
    for resource in resources:
        for name in dir(type(resource)):
            if isinstance(getattr(type(resource), name, None), operation):
                calls |= {call.path for call in first_calls(resource, name)}
    routes = set(re.findall(r'Operation\(\s*"([^"]+)"', ROUTES.read_text(encoding="utf-8")))
    assert len(routes) >= 40
    known = {re.sub(r"\{[^}]+\}", "NAME", route): route for route in routes}
    assert sorted(known[route] for route in known.keys() - calls) == sorted(NOT_FOR_CLIENTS & routes)


def first_calls(resource: object, name: str) -> list[Call[object]]:
    """The call a verb begins with, told as little as it takes."""
    for arguments in ((), ("NAME",), ("NAME", "1"), ({},), ([],)):
        try:
            return [next(iter(getattr(resource, name)(*arguments)))]
        except (AttributeError, TypeError):
            continue
    raise AssertionError(name)


def test_accounts_are_made_changed_and_given_money(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    name = client.account
    assert client.accounts.change(name, balance={"amount": "1.50", "currency": "USD"}).balance != "unlimited"
    assert client.accounts.credit(name, Decimal("0.25")).balance.amount == Decimal("1.75")
    assert [each.reason for each in client.accounts.ledger(name)] == ["opening", "setting", "credit"]
    everybody = [each.name for each in client.accounts.all()]
    assert name in everybody
    monkeypatch.setattr(resources_module, "LARGEST_PAGE", 1)
    assert [each.name for each in client.accounts.all()] == everybody
    assert str(client.accounts.reset(name).balance) == "USD 1000.00"


def test_a_clock_is_moved_by_whatever_says_how_far(client: Client) -> None:
    began = client.clock.show().now
    client.clock.advance(hours=1, minutes=30)
    client.clock.advance(timedelta(minutes=30))
    client.clock.advance("PT1H")
    client.clock.advance(60)
    now = client.clock.advance(to=began + timedelta(hours=4)).now
    assert now - began == timedelta(hours=4)
    assert client.clock.run_until_idle().settled
    assert client.clock.resume(2.0).rate == 2.0
    assert client.clock.freeze().mode == "frozen"
    with pytest.raises(TypeError, match="got hours beside by or to"):
        client.clock.advance("1s", hours=1)
    with pytest.raises(
        TypeError, match="got hour=25, want days, hours, minutes, seconds, milliseconds, a duration, or to"
    ):
        client.clock.advance(hour=25)
    with pytest.raises(ValueError, match="not negative"):
        client.clock.advance(hours=-1)


def test_rules_faults_and_scenarios_are_laid_down_and_taken_back(client: Client) -> None:
    rule = client.rules.add({"match": {"to": "852*"}, "reply": "Busy"})
    fault = client.faults.add({"delay": timedelta(seconds=1.5)})
    assert [each.id for each in client.rules.all()] == [rule.id, fault.id]
    assert [each.id for each in client.rules.unused()] == [rule.id, fault.id]
    assert not client.rules.switch(rule.id, False).enabled
    assert client.rules.switch(rule.id, True) == rule
    assert client.rules.remove(rule.id)[0].definition == {"id": fault.id, "delay": "1s500ms"}
    assert client.faults.clear() == []
    assert client.scenarios.use("flaky", seed=7).seed == 7
    playing = client.scenarios.all().playing
    assert playing is not None
    assert playing.name == "flaky"
    assert client.scenarios.stop().playing is None
    assert "reprot" in client.scenarios.validate("version: 1\nreprot: 1").problems[0]


def test_what_is_refused_says_why(client: Client) -> None:
    with pytest.raises(RefusedError, match='did you mean "balance"') as refused:
        client.accounts.create(blance="1")
    assert refused.value.status == 400
    with pytest.raises(WaitError) as missed:
        client.messages.wait("to:852*", count=2, timeout=0)
    assert (missed.value.count, missed.value.total, missed.value.closest) == (2, 0, ())
    with pytest.raises(VerifyError) as unverified:
        client.requests.verify("to:852*", at_least=1)
    assert unverified.value.total == 0
    assert client.requests.verify(exactly=0).verified


def test_facts_are_told(client: Client) -> None:
    assert client.ready()
    assert client.info().mtls == "required"
    assert client.certs().ca_pem.startswith("-----BEGIN CERTIFICATE-----")
    assert client.explain(body="{}").code is not None
    assert client.segments("Hello", country=852).segments == 1
    assert client.sink.answers(["Busy", {"status": 503}, {}]).answer["sequence"]
    assert client.sink.clear().answer["answer"] == "ok"


def test_single_things_are_read_and_done_to(client: Client) -> None:
    account = client.accounts.change(client.account, callback={"url": client.sink.show().url})
    packet = {
        "METHOD": "SMS_SEND_REQUEST",
        "TYPE": "REQUEST",
        "SERIAL": 1,
        "TIME": "2026-11-22 12:00:00",
        "AUTH_KEY": client.state()["accounts"][-1]["account"]["auth_key"],
        "ROUTE_ID": account.routes[0],
        "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
        "SMS_CONTENT": "It’s 4711, your code",
        "VERSION": "2021-01-01",
    }
    info, certs = client.info(), client.certs()
    context = ssl.create_default_context(cadata=certs.ca_pem)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
        pair.write(certs.client_cert_pem + certs.client_key_pem)
        pair.flush()
        context.load_cert_chain(pair.name)
    asked = urllib.request.Request(info.urls.platform, json.dumps(packet).encode())
    with urllib.request.urlopen(asked, context=context, timeout=10) as answer:
        [item] = json.load(answer)["DETAIL_LIST"]
    uid = item["SMS_UID"]
    assert client.messages.show(uid).request_id == client.requests.show(client.requests.all()[0].id).id
    assert (client.messages.otp(uid), client.messages.segments(uid).forcing[0].character) == ("4711", "’")
    assert [each.uid for each in client.reports.pending(f"uid:{uid}")] == [uid]
    assert client.reports.pending("uid:another") == []
    forced = client.messages.report(uid, "DELETED", after=timedelta(seconds=1), final=True)
    assert (forced.report, forced.message.state) == (None, None)
    client.clock.advance("1s")
    report = client.reports.show(f"{uid}-1")
    assert (report.state_name, report.outcome) == ("DELETED", "answered")
    assert len(client.reports.resend(report.id).attempts) == 2
    with pytest.raises(RefusedError, match="nothing follows a final state") as refused:
        client.messages.report(uid, 2)
    assert refused.value.status == 409
    assert client.messages.timeline(uid).items[-1].kind == "pushed"


def test_a_text_and_a_packet_are_sent_without_a_key(client: Client) -> None:
    sent = client.send("+852 67000011", "Hello", sender="Shop", customer_body={"order": 1})
    assert sent.code is not None
    assert (sent.code.name, client.messages.wait()[0].uid) == ("OK", sent.uids[0])
    again = client.send(["67000011"], "Hello", country=852)
    assert again.request_id is not None
    assert client.requests.all()[-1].id == again.request_id
    refused = client.send(packet={"METHOD": "SMS_SEND_REQUEST", "TYPE": "REQUEST"})
    assert refused.code is not None
    assert (refused.code.name, refused.uids) == ("Invalid_parameter", ())


def test_the_same_verbs_are_awaited(server: LocalServer) -> None:
    async def story() -> None:
        async with AsyncClient(server.admin_url) as client:
            account = await client.accounts.create(clock="frozen", seed=7)
            mine = client.of(account.name)
            waiting = asyncio.create_task(mine.messages.wait(timeout="50ms"))
            assert (await mine.clock.advance(hours=1)).settled
            with pytest.raises(WaitError):
                await waiting
            await client.accounts.delete(account.name)

    asyncio.run(story())


def test_what_happens_is_streamed(client: Client, server: LocalServer) -> None:
    with client.events() as events:
        client.clock.resume(2.0)
        event = next(events)
        assert (event.name, event.data["account"], event.data["rate"]) == ("clock", client.account, 2.0)
    with client.events("nobody-of-this-name") as events, pytest.raises(RefusedError, match="there is no account"):
        next(events)

    async def story() -> None:
        async with AsyncClient(server.admin_url) as awaited, awaited.events(client.account) as events:
            await awaited.of(client.account).clock.freeze()
            async for event in events:
                assert (event.name, event.data["mode"]) == ("clock", "frozen")
                return

    asyncio.run(story())


def test_nobody_and_somebody_else_are_told_apart(server: LocalServer) -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(UnreachableError, match="nobody answers at"):
        client.info()
    with Client(f"{server.admin_url}/elsewhere") as client, pytest.raises(RefusedError, match="/api/v1/docs lists"):
        client.info()
    with Client(server.admin_url) as client, pytest.raises(UnreadableError, match="cannot read the answer"):
        client._driver.run(Call("GET", "/api/v1/info", models.Account))


def test_a_client_that_is_closed_while_a_thread_waits_says_so_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}")
        waiting = pool.submit(client.messages.wait, "to:852*", timeout=60)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(1)
            client.close()
            accepted.shutdown(socket.SHUT_RDWR)
            with pytest.raises(UnreachableError, match="the client was closed before"):
                waiting.result(20)
