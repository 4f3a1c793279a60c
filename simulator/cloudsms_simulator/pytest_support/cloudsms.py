"""The fixture `cloudsms`: an account of the test's own on the session's server."""

import re
import secrets
import ssl
from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar, overload
from urllib.parse import urlsplit, urlunsplit

from cloudsms_simulator.client import Api, AsyncClient
from cloudsms_simulator.client_drivers import BlockingHttp, WaitingHttp
from cloudsms_simulator.client_items import Account, Message, Received, Report, Request
from cloudsms_simulator.client_journal import Journal, Messages, Reports, Requests
from cloudsms_simulator.client_rules import Faults, Rules, ScenarioVerbs
from cloudsms_simulator.client_sink import SinkVerbs
from cloudsms_simulator.client_verb import D_co
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.pytest_support.account import AccountVerbs, ClockVerbs
from cloudsms_simulator.pytest_support.handle import Handle
from cloudsms_simulator.pytest_support.planning import AwaitedPlan, Plan
from cloudsms_simulator.pytest_support.server import Server
from cloudsms_simulator.pytest_support.wishes import Wishes

I = TypeVar("I")  # noqa: E741

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 48


class Log(Journal[BlockingHttp, I]):
    """What was kept so far, oldest first; looked up each time it is asked. Compares like a list."""

    def __len__(self) -> int:
        return self.page("", limit=1).total

    def __iter__(self) -> Iterator[I]:
        return iter(self.all())

    @overload
    def __getitem__(self, index: int) -> I: ...
    @overload
    def __getitem__(self, index: slice) -> list[I]: ...
    def __getitem__(self, index: int | slice) -> I | list[I]:
        return self.all()[index]

    def __eq__(self, other: object) -> bool:
        return self.all() == (list(other) if isinstance(other, Log | tuple) else other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return repr(self.all())


class MessageLog(Messages[BlockingHttp], Log[Message]):
    """The messages that were accepted."""


class RequestLog(Requests[BlockingHttp], Log[Request]):
    """Every request of the account, refused ones too."""


class ReportLog(Reports[BlockingHttp], Log[Report]):
    """The delivery reports."""


class BlockingClock(ClockVerbs[BlockingHttp]):
    """The account's clock, which stands unless it is told to go."""

    @property
    def now(self) -> datetime:
        """What it shows."""
        return self.show().now


class BlockingAccount(AccountVerbs[BlockingHttp]):
    """The test's account."""

    @property
    def balance(self) -> Money | str:
        """What is there now, or `unlimited`."""
        return self.show().balance


class BlockingSink(SinkVerbs[BlockingHttp]):
    """A customer's server that is built in, with answers that can be set."""

    def __init__(self, driver: BlockingHttp, account: str, url: str) -> None:
        super().__init__(driver, account)
        self.url = url

    @property
    def received(self) -> tuple[Received, ...]:
        """The reports it received, in the order they came."""
        return self.show().received


class Facts(Handle[D_co]):
    """A handle that knows how the platform is reached."""

    def __init__(self, api: Api[D_co], server: Server, account: Account, wishes: Wishes) -> None:
        super().__init__(api, wishes.timeout)
        self._server = server
        self._wishes = wishes
        self.url = server.url
        """Where to send to; ends in `/dave/io`."""
        self.auth_key = account.auth_key
        self.route_id = _route_of(account)
        """A ROUTE_ID that works."""
        self.ca = server.ca
        """Path of the authority to trust, PEM."""
        self.client_cert = server.client_cert
        """Paths of a certificate to show and of its key, PEM."""

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """The client's side of mutual TLS: trusts the platform, shows the certificate."""
        return self._server.ssl_context()

    def _seen_by_server(self, url: str) -> str:
        host, parts = self._wishes.callback_host, urlsplit(url)
        if host is None or parts.hostname not in _LOOPBACK:
            return url
        return urlunsplit(parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}"))


class AsyncCloudsms(Facts[WaitingHttp]):
    """The same account for code that awaits: every method of `cloudsms` that blocks."""

    def __init__(self, server: Server, account: Account, wishes: Wishes) -> None:
        # An event loop of its own may come with every test, or with every line of it.
        api = AsyncClient(server.admin_url, server.token, account.name, keep_alive=False)
        super().__init__(api, server, account, wishes)
        driver, name = api._driver, account.name
        self.account = AccountVerbs(driver, name)
        self.messages = Messages(driver, name)
        self.requests = Requests(driver, name)
        self.reports = Reports(driver, name)
        self.clock = ClockVerbs(driver, name)
        self.rules = Rules(driver, name)
        self.faults = Faults(driver, name)
        self.scenarios = ScenarioVerbs(driver, name)
        self.sink = SinkVerbs(driver, name)

    def when(self, to: str | int | None = None, **match: object) -> AwaitedPlan:
        """What happens to requests that fit: `await cloudsms.aio.when(to="852*").reply("Busy")`."""
        return AwaitedPlan(self._api, {"to": None if to is None else str(to), **match})


class Cloudsms(Facts[BlockingHttp]):
    """An account of the test's own: what to send with, what happened, and what is to happen."""

    def __init__(self, server: Server, account: Account, sink_url: str, wishes: Wishes) -> None:
        super().__init__(server.client.of(account.name), server, account, wishes)
        driver, name = self._driver, account.name
        self.account = BlockingAccount(driver, name)
        self.messages = MessageLog(driver, name)
        self.requests = RequestLog(driver, name)
        self.reports = ReportLog(driver, name)
        self.clock = BlockingClock(driver, name)
        self.rules = Rules(driver, name)
        self.faults = Faults(driver, name)
        self.scenarios = ScenarioVerbs(driver, name)
        self.sink = BlockingSink(driver, name, sink_url)
        self.aio = AsyncCloudsms(server, account, wishes)
        self.created = account

    def when(self, to: str | int | None = None, **match: object) -> Plan:
        """What happens to requests that fit; what is said last comes first. The keys are those of scenario files."""
        return Plan(self._api, {"to": None if to is None else str(to), **match})

    def __repr__(self) -> str:
        return f"<cloudsms account {self.account.name!r} at {self.url}>"


def open_account(server: Server, wishes: Wishes, test: str) -> Cloudsms:
    """A fresh account for a test, its sink as callback. RefusedError, when the settings are wrong, says how."""
    name = f"{_NOT_IN_NAMES.sub('-', test).strip('.-')[:_LONGEST_NAME] or 'test'}-{secrets.token_hex(4)}"
    sink = server.sink_of(name)
    account = server.client.accounts.create(**{"name": name, "callback": {"url": sink}, **wishes.account})
    api = server.client.of(account.name)
    api.sink.show()
    if wishes.scenario_file is not None:
        seed = wishes.account.get("seed")
        api.scenarios.use(
            text=wishes.scenario_file.read_text(encoding="utf-8"), seed=seed if isinstance(seed, int) else None
        )
    return Cloudsms(server, account, sink, wishes)


def _route_of(account: Account) -> str:
    documented = "VerifyCode_516"
    if documented in account.routes or "*" in account.routes:
        return documented
    return min(account.routes, default="")
