"""An admin API before a stage; packets are accepted, and what is due at once is reached, straight away."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from starlette.testclient import TestClient

from cloudsms_simulator.api.app import admin_app
from cloudsms_simulator.api.auth import TokenAuth
from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import Message
from cloudsms_simulator.engine.transaction import Reply
from cloudsms_simulator.journal.events import EventHub
from cloudsms_simulator.journal.waits import Waits
from cloudsms_simulator.net.certificates import CertificateError
from cloudsms_simulator.net.tls_faults import FaultyTlsListener
from cloudsms_simulator.protocol.profile import PROFILES
from cloudsms_simulator.push.receiver import Sink
from cloudsms_simulator.services.accounts import AccountService
from cloudsms_simulator.services.explainer import Explainer
from cloudsms_simulator.services.metrics import Counters
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.services.scenarios import ScenarioService, created_config
from cloudsms_simulator.services.sending import Interventions, PacketSender, Resubmitter
from cloudsms_simulator.services.snapshot import StateService
from cloudsms_simulator.stores.store import ChangeBus

T = TypeVar("T")

NAMES = ("localhost", "127.0.0.1", "[::1]", "sms.test")
READY = Ready("http://localhost:61815/dave/io", "http://localhost:61816", "", "", "", "", "", 1)
SHOP = Account(name="shop", auth_key="the shop's own key", plan=plan_of(step(2, timedelta(0))))


class Stage(Protocol):
    """What of a stage is used here."""

    def receive(
        self, count: int = 1, account: Account | None = None, **fields: object
    ) -> Coroutine[None, None, tuple[Reply, tuple[Message, ...]]]: ...


class Troubles:
    """Listeners in trouble that nobody can meet; one cannot be opened."""

    def __init__(self) -> None:
        self.listeners: tuple[FaultyTlsListener, ...] = ()

    async def url_of(self, trouble: TlsTrouble) -> str:
        if trouble is TlsTrouble.CUT_HANDSHAKE:
            raise CertificateError(Path("certs"), "the folder is gone", "make it again")
        known = {each.trouble: each.url for each in self.listeners}
        if trouble not in known:
            known[trouble] = f"https://127.0.0.1:{50_000 + len(known)}/dave/io"
            self.listeners = (*self.listeners, FaultyTlsListener(trouble, known[trouble], None))  # type: ignore[arg-type]
        return known[trouble]


class Scene:
    """A stage, and a client of its admin API whose requests all run in one event loop."""

    def __init__(self, stage: Stage, token: str | None) -> None:
        self.stage = stage
        self.ready = True
        self.token = token
        for account in stage.accounts:
            settings = AccountSettings(name=account.name, auth_key=account.auth_key)
            stage.configure(created_config(account, settings, None))
        told = stage.pusher.clock_changed
        self.scenarios = ScenarioService(stage.store, stage.wall, lambda named: PROFILES[named or "spec"], told)
        self.troubles = Troubles()
        self.accounts = AccountService(
            stage.store,
            self.scenarios,
            stage.timekeeper,
            stage.wall,
            new_clock=stage.new_clock,
            seed=1,
            profile_of=lambda named: PROFILES[named or "spec"],
        )
        state = StateService(stage.store, self.scenarios, stage.timekeeper, self.accounts, stage.pusher, stage.wall)
        changes, stopping = ChangeBus(), asyncio.Event()
        explainer = Explainer(stage.platform, stage.store, stage.wall, lambda: READY)
        sender = PacketSender(stage.store, stage.endpoint.take)
        context = ApiContext(
            stage.directory,
            stage.store,
            stage.wall,
            stage.timekeeper,
            self.scenarios,
            self.troubles,
            self.accounts,
            lambda: state,
            Sink(ssl.create_default_context),
            lambda features: None,
            lambda: None,
            Waits(stage.store, changes, stage.wall, stage.timekeeper.is_moved, stopping),
            EventHub(stage.store, changes, stage.wall, stopping),
            explainer,
            Interventions(stage.platform, stage.store, stage.pusher, stage.wall),
            Resubmitter(sender, explainer, stage.store, stage.wall),
            sender,
            lambda: self.ready,
            Counters(),
        )
        self.client = TestClient(admin_app(context, NAMES, TokenAuth(token)), base_url="http://localhost:61816")

    def send(self, account: Account, count: int = 1, **fields: object) -> Reply:
        """Has a packet accepted, and what is due at once reached."""

        async def story() -> Reply:
            reply, _ = await self.stage.receive(count, account, **fields)
            await self.stage.pusher.settle(account, [])
            return reply

        return asyncio.run(story())

    def get(self, path: str, **query: object) -> dict[str, object]:
        answer = self.client.get(path, params=query)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
        page: dict[str, object] = answer.json()
        return page

    def post(self, path: str, body: object = None, status: int = 200, **query: object) -> dict[str, object]:
        """What an endpoint answers to a JSON body, or to none; the detail alone of a problem that is expected."""
        return self.told("POST", path, body, status, **query)

    def delete(self, path: str, status: int = 200, **query: object) -> dict[str, object]:
        return self.told("DELETE", path, None, status, **query)

    def told(self, method: str, path: str, body: object, status: int, **query: object) -> dict[str, object]:
        answer = (
            self.client.request(method, path, params=query, json=body)
            if body is not None
            else self.client.request(method, path, params=query)
        )
        kind = "application/json" if status == 200 else "application/problem+json"
        assert (answer.status_code, answer.headers["content-type"]) == (status, kind), answer.text
        told: dict[str, object] = answer.json()
        return told if status == 200 else told["detail"]


@pytest.fixture
def scenes(stage: type[Stage]) -> Iterator[Callable[..., Scene]]:
    """Makes scenes, of the accounts `default` and `shop` or of those given."""
    with ExitStack() as open_ones:

        def make(*accounts: Account, token: str | None = None, **how: object) -> Scene:
            scene = Scene(stage(*(accounts or (Account(), SHOP)), **how), token)
            open_ones.enter_context(scene.client)
            return scene

        yield make


@pytest.fixture
def scene(scenes: Callable[..., Scene]) -> Scene:
    """The accounts `default` and `shop`, with clocks that stand."""
    return scenes()


@pytest.fixture(scope="session")
def shop() -> Account:
    """An account whose messages are delivered at once, and whose reports are pushed nowhere."""
    return SHOP
