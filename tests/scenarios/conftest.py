"""Stories: a platform that plays one scenario, and a customer who meets it as from outside.

The customer sends over mutual TLS with an ordinary HTTP client, takes reports on a server of its own that demands the
platform's certificate, and moves the clock and reads the journal through the admin API.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

import httpx2
import msgspec
import pytest
from patience import STORY

from cloudsms_simulator.config.settings import load_settings
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.net.sockets import open_socket
from cloudsms_simulator.net.tls import receiver_context, tls_facts
from cloudsms_simulator.push.receiver import Receiver
from cloudsms_simulator.simulator import Simulator

Json = dict[str, object]

PATIENT = httpx2.Timeout(30.0)
"""How long the customer waits for an answer."""


class Answer(msgspec.Struct, frozen=True):
    """What an HTTP response says, read as a client reads it: as JSON."""

    packet: Json

    @property
    def code(self) -> object:
        """RESULT_CODE of the packet."""
        return self.packet["RESULT_CODE"]

    @property
    def codes(self) -> list[object]:
        """RESULT_CODE of each destination."""
        return [item["RESULT_CODE"] for item in self.packet["DETAIL_LIST"]]

    @property
    def uids(self) -> list[str]:
        """SMS_UID of each destination."""
        return [item["SMS_UID"] for item in self.packet["DETAIL_LIST"]]


class Customer:
    """The account `default`, its client and its server for reports. Numbers are written `852 67000011`."""

    def __init__(self, simulator: Simulator, receiver: Receiver, tls: ssl.SSLContext) -> None:
        ready = simulator.ready
        self.url, self.key, self.receiver, self.tls = ready.url, ready.auth_key, receiver, tls
        self.listeners = {each.trouble: each.url for each in simulator.tls_troubles.listeners}
        self.client = httpx2.AsyncClient(verify=tls, timeout=PATIENT, trust_env=False)
        self._admin = httpx2.AsyncClient(base_url=f"{ready.admin_url}/api/v1/", timeout=PATIENT, trust_env=False)
        self._serial = 0

    def packet(self, *numbers: str, **fields: object) -> str:
        """The next packet, to these numbers, in order but for the fields that are given."""
        self._serial += 1
        packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": self._serial,
            "TIME": "2026-11-22 12:00:00",
            "AUTH_KEY": self.key,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [
                {"COUNTRY_CODE": int(country), "DEST_MSISDN": msisdn}
                for country, msisdn in (number.split() for number in numbers)
            ],
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
            "CUSTOMER_BODY": {"order": self._serial},
        }
        return json.dumps(packet | fields)

    async def post(self, *numbers: str, url: str | None = None, timeout: httpx2.Timeout = PATIENT) -> httpx2.Response:
        """The response to a packet; raises httpx2.TransportError when there is none."""
        return await self.client.post(url or self.url, content=self.packet(*numbers), timeout=timeout)

    async def send(self, *numbers: str, **fields: object) -> Answer:
        """The answer to a packet, which must be one in every outward respect."""
        response = await self.client.post(self.url, content=self.packet(*numbers, **fields))
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        answer = Answer(response.json())
        listed = [f"{item['COUNTRY_CODE']} {item['DEST_MSISDN']}" for item in answer.packet["DETAIL_LIST"]]
        assert (answer.packet["SERIAL"], listed) == (self._serial, list(numbers))
        return answer

    async def advance(self, by: str) -> Json:
        """Moves the account's clock; everything due on the way has been pushed and answered afterwards."""
        item = await self._told("POST", "clock/advance", json={"by": by})
        assert item["settled"]
        return item

    async def reset(self) -> None:
        """Makes the account as it was created."""
        await self._told("POST", "accounts/default/reset")

    async def listing(self, resource: str, account: str = "default") -> list[Json]:
        """All items of a list, oldest first."""
        page = await self._told("GET", resource, params={"account": account, "limit": 1000})
        items = page["items"]
        assert isinstance(items, list)
        assert (len(items), page["evicted"]) == (page["total"], 0)
        return items[::-1]

    async def troubles(self) -> list[tuple[str | None, str | None, str | None]]:
        """Fault, rule and the code's name of each exchange, as the journal has them."""
        requests = await self.listing("requests")
        return [(each["fault"], each["rule"], each["code"] and each["code"]["name"]) for each in requests]

    async def findings(self, account: str = "default") -> list[list[str]]:
        """The rules of what was found in each exchange."""
        requests = await self.listing("requests", account)
        return [[finding["rule"] for finding in each["findings"]] for each in requests]

    async def balance(self) -> str:
        """What is left of the account's money."""
        [account] = await self.listing("accounts")
        return f"{account['balance']['amount']} {account['balance']['currency']}"

    @property
    def reported(self) -> list[tuple[str, str]]:
        """Number and RESULT_DESC of each report that arrived, in order."""
        return [(f"{each.country_code} {each.msisdn}", each.state_name) for each in self.receiver.reports]

    async def fates(self) -> dict[str, list[tuple[str, timedelta]]]:
        """By number: the states that were reached, in that order, and how long after acceptance."""
        messages = {message["uid"]: message for message in await self.listing("messages")}
        fates: dict[str, list[tuple[str, timedelta]]] = {}
        for report in await self.listing("reports"):
            message = messages[report["uid"]]
            after = datetime.fromisoformat(report["due_at"]) - datetime.fromisoformat(message["accepted_at"])
            fates.setdefault(f"{message['country_code']} {message['msisdn']}", []).append((report["state_name"], after))
        return {number: sorted(states, key=lambda each: each[1]) for number, states in fates.items()}

    async def close(self) -> None:
        await self.client.aclose()
        await self._admin.aclose()

    async def _told(self, method: str, path: str, **request: object) -> Json:
        response = await self._admin.request(method, path, **request)
        assert response.status_code == 200, response.text
        item: Json = response.json()
        return item


@pytest.fixture(scope="session")
def run() -> Callable[[Coroutine[None, None, None]], None]:
    """Runs a story; one that takes a minute has failed."""

    def tell(story: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(asyncio.wait_for(story, STORY))

    return tell


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only, but for the certificates of listeners in trouble."""
    return complete_set(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def customer_tls(certificates: CertificateFiles) -> ssl.SSLContext:
    """What the customer's client trusts, and shows."""
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.load_cert_chain(certificates.customer_cert, certificates.customer_key)
    return context


@pytest.fixture(scope="session")
def careless_tls(certificates: CertificateFiles) -> ssl.SSLContext:
    """A client that shows its certificate to any server and checks none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certificates.customer_cert, certificates.customer_key)
    return context


@pytest.fixture(scope="session")
def play(certificates: CertificateFiles, customer_tls: ssl.SSLContext) -> Callable[..., object]:
    """Starts a platform on a frozen clock that plays a scenario, by name or by path, or none; yields its customer."""

    @asynccontextmanager
    async def start(scenario: str | None = None, receiver: Receiver | None = None) -> AsyncIterator[Customer]:
        taker = receiver or Receiver()
        settings = {
            "port": "0",
            "admin_port": "0",
            "mtls": "required",
            "certs": str(certificates.directory),
            "clock": "frozen",
        }
        if scenario is not None:
            settings["scenario"] = scenario
        async with AsyncExitStack() as running:
            tls = receiver_context(certificates, "required")
            server = Listener(taker, open_socket("127.0.0.1", 0), tls=tls, tls_facts=tls_facts)
            running.push_async_callback(server.stop)
            await server.start()
            loaded = load_settings(settings | {"callback_url": f"https://localhost:{server.port}/"}, {})
            assert loaded.warnings == ()
            simulator = Simulator(loaded.settings, loaded.scenario)
            running.push_async_callback(simulator.stop)
            await simulator.start()
            customer = Customer(simulator, taker, customer_tls)
            running.push_async_callback(customer.close)
            yield customer

    return start


@pytest.fixture(autouse=True)
def _a_clean_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No scenario, however bad the weather in it, leaves an error or a traceback in the log."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.WARNING, logger="httpx2")
    yield
    errors = [record for record in caplog.get_records("call") if record.exc_info or record.levelno >= logging.ERROR]
    assert errors == []
