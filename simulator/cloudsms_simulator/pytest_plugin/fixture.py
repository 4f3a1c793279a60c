"""The fixture `cloudsms`: an account of the test's own on the session's server, and what opens and deletes accounts.

`Cloudsms` blocks, `cloudsms.aio` has the same to await. Its lists (`messages`, `requests`, `reports`) are looked up
each time they are asked, oldest first, and compare like lists. `TestAccounts` opens the accounts of one test, tells
what happened to them when the test fails, and deletes them. Accounts belong to the process that opened them: a forked
child leaves those of its parent alone.

`FixtureSettings` are what a test wants, from the fixture `cloudsms_settings`, its marker, and calls of `make_cloudsms`.
Some are the fixture's own: `mtls`, `timeout`, `strict_answers` (which wrong answers of the customer's server to reports
fail a test), `callback_host`, `scenario`. The others are those that an account is made with. Without `seed` a test has
one that follows from its id, the same in every run and on every machine.

Spec: Delivery Report (DR) response Format.
"""

import hashlib
import os
import re
import secrets
import ssl
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast, get_args, overload
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest

from cloudsms_simulator.client.client import Api, AsyncClient
from cloudsms_simulator.client.errors import ApiError
from cloudsms_simulator.client.operation import DriverT_co, Duration
from cloudsms_simulator.client.resources import (
    Faults,
    JournalList,
    Messages,
    Reports,
    Requests,
    Rules,
    ScenarioResource,
    SinkResource,
)
from cloudsms_simulator.client.transport import AsyncHttpDriver, BlockingHttpDriver
from cloudsms_simulator.config import suggestion
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.models.account import AccountItem, ReceivedReport
from cloudsms_simulator.models.journal import MessageItem, ReportItem, RequestItem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.findings import FINDING_RULES, Finding
from cloudsms_simulator.protocol.unicode_text import escaped, escaped_lines
from cloudsms_simulator.pytest_plugin.account import (
    AccountAssertions,
    AccountOperations,
    AsyncPlan,
    BlockingPlan,
    ClockOperations,
)
from cloudsms_simulator.pytest_plugin.reporting import failure_report
from cloudsms_simulator.pytest_plugin.server import Mtls, Server, ServerError, Servers

if TYPE_CHECKING:
    from cloudsms_simulator.pytest_plugin.transport import AsyncInProcessTransport, InProcessTransport

FIXTURE_KEYS = ("mtls", "timeout", "strict_answers", "callback_host", "scenario")
"""The settings that are the fixture's own; all others are settings of the account."""

_SEEDS = 2**32


class FixtureSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that are the fixture's own, and those that the account is made with."""

    account: Mapping[str, object]
    mtls: Mtls | None = None
    """None: as the session's server has it, `required` when that is ours."""
    timeout: Duration = 5.0
    """How long waits take unless they say, wall time."""
    strict_answers: frozenset[str] = frozenset()
    """The findings in answers to reports that fail the test."""
    callback_host: str | None = None
    """How the server reaches the machine of the tests."""
    scenario_file: Path | None = None


def fixture_settings(settings: Mapping[str, object], nodeid: str, folder: Path) -> FixtureSettings:
    """Reads the settings of a test; paths of scenarios are relative to `folder`.

    Raises ValueError, saying what came and what would be right.
    """
    account = {key: value for key, value in settings.items() if key not in FIXTURE_KEYS}
    account = {"clock": "frozen", "seed": seed_of(nodeid), **account}
    if "balance" in account:
        account["balance"] = _balance(account["balance"])
    mtls = settings.get("mtls")
    if mtls is not None and mtls not in get_args(Mtls):
        raise ValueError(f'mtls: got "{mtls}", want one of {", ".join(get_args(Mtls))}')
    scenario, file = settings.get("scenario"), None
    if isinstance(scenario, Path) or (isinstance(scenario, str) and _is_path(scenario)):
        file = folder / scenario
        if not file.is_file():
            raise ValueError(f'scenario: there is no file "{file}"')
    elif scenario is not None:
        account["scenario"] = scenario
    host = settings.get("callback_host")
    timeout = settings.get("timeout", 5.0)
    return FixtureSettings(
        account=account,
        mtls=cast("Literal['off', 'optional', 'required'] | None", mtls),
        timeout=cast("Duration", timeout),
        strict_answers=strict_rules(settings.get("strict_answers", False)),
        callback_host=None if host is None else str(host),
        scenario_file=file,
    )


def seed_of(nodeid: str) -> int:
    """The seed of a test: the same in every run and on every machine."""
    return int.from_bytes(hashlib.blake2b(nodeid.encode(), digest_size=8).digest(), "big") % _SEEDS


def _is_path(scenario: str) -> bool:
    return "/" in scenario or scenario.endswith((".yaml", ".yml", ".json"))


def _balance(balance: object) -> object:
    """A balance such as `"HKD 10.00"` as the API takes it; anything else as it is."""
    if isinstance(balance, str) and " " in balance.strip():
        currency, _, amount = balance.strip().partition(" ")
        return {"amount": amount.strip(), "currency": currency}
    return balance


# Wrong answers to reports

ANSWER_RULES = frozenset(rule for rule in FINDING_RULES if rule.startswith("dr-"))
"""What may be found in an answer to a report."""


def strict_rules(said: object) -> frozenset[str]:
    """The rules of findings that fail a test: every one for true, none for false, or those that are named.

    Raises ValueError, saying what came and what would be right.
    """
    if isinstance(said, bool):
        return ANSWER_RULES if said else frozenset()
    if not isinstance(said, Collection) or isinstance(said, str):
        raise ValueError(f"strict_answers: got {said!r}, want True, False, or a list of rules such as dr-answer-serial")
    for rule in said:
        if rule not in ANSWER_RULES:
            near = suggestion(str(rule), ANSWER_RULES) or f"; want one of {', '.join(sorted(ANSWER_RULES))}"
            raise ValueError(f'strict_answers: there is no rule "{rule}" of answers to reports{near}')
    return frozenset(said)


def wrong_answers(reports: Iterable[ReportItem], rules: Collection[str]) -> list[str]:
    """What is wrong with how the customer's server answered, a line each; faults of the simulator's own aside."""
    return [
        f"report {report.id} ({report.state_name}), attempt {number}: {_wrong_answer_line(finding)}"
        for report in reports
        for number, attempt in enumerate(report.attempts, 1)
        if attempt.fault is None
        for finding in attempt.findings
        if finding.rule in rules
    ]


def _wrong_answer_line(finding: Finding) -> str:
    return f"{finding.severity} {finding.rule}: {finding.path}: got {finding.got}, want {finding.want}"


I = TypeVar("I")  # noqa: E741

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_UNFIT_FOR_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 48


class LiveList(JournalList[BlockingHttpDriver, I]):
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
        return self.all() == (list(other) if isinstance(other, LiveList | tuple) else other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return repr(self.all())


class MessageList(Messages[BlockingHttpDriver], LiveList[MessageItem]):
    """The messages that were accepted."""


class RequestList(Requests[BlockingHttpDriver], LiveList[RequestItem]):
    """Every request of the account, refused ones too."""


class ReportList(Reports[BlockingHttpDriver], LiveList[ReportItem]):
    """The delivery reports."""


class BlockingClock(ClockOperations[BlockingHttpDriver]):
    """The account's clock, which stands unless it is told to go."""

    @property
    def now(self) -> datetime:
        """What it shows."""
        return self.show().now


class BlockingAccount(AccountOperations[BlockingHttpDriver]):
    """The test's account."""

    @property
    def balance(self) -> Money | str:
        """What is there now, or `unlimited`."""
        return self.show().balance


class BlockingSink(SinkResource[BlockingHttpDriver]):
    """A customer's server that is built in, with answers that can be set."""

    def __init__(self, driver: BlockingHttpDriver, account: str, url: str) -> None:
        super().__init__(driver, account)
        self.url = url

    @property
    def received(self) -> tuple[ReceivedReport, ...]:
        """The reports it received, in the order they came."""
        return self.show().received


class ReachableAccount(AccountAssertions[DriverT_co]):
    """The waits and assertions of an account, with all that it takes to reach the platform as a customer."""

    def __init__(self, api: Api[DriverT_co], server: Server, account: AccountItem, settings: FixtureSettings) -> None:
        super().__init__(api, settings.timeout)
        self._server = server
        self._settings = settings
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

    @cached_property
    def transport(self) -> "InProcessTransport":
        """Reaches the platform in this process, without a socket: `httpx2.Client(transport=cloudsms.transport)`, and
        httpx likewise. ServerError with `--cloudsms-url`, where it runs elsewhere."""
        from cloudsms_simulator.pytest_plugin.transport import InProcessTransport

        return InProcessTransport(*self._server.application())

    @cached_property
    def async_transport(self) -> "AsyncInProcessTransport":
        """The same for `httpx2.AsyncClient` and that of httpx, in asyncio or trio."""
        from cloudsms_simulator.pytest_plugin.transport import AsyncInProcessTransport

        return AsyncInProcessTransport(*self._server.application())

    def _seen_by_server(self, url: str) -> str:
        host, parts = self._settings.callback_host, urlsplit(url)
        if host is None or parts.hostname not in _LOOPBACK:
            return url
        return urlunsplit(parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}"))


class AsyncCloudsms(ReachableAccount[AsyncHttpDriver]):
    """The same account for code that awaits: every method of `cloudsms` that blocks."""

    def __init__(self, server: Server, account: AccountItem, settings: FixtureSettings) -> None:
        # Every test, or every line of one, may run in an event loop of its own.
        api = AsyncClient(server.admin_url, server.token, account.name, keep_alive=False)
        super().__init__(api, server, account, settings)
        driver, name = api._driver, account.name
        self.account = AccountOperations(driver, name)
        self.messages = Messages(driver, name)
        self.requests = Requests(driver, name)
        self.reports = Reports(driver, name)
        self.clock = ClockOperations(driver, name)
        self.rules = Rules(driver, name)
        self.faults = Faults(driver, name)
        self.scenarios = ScenarioResource(driver, name)
        self.sink = SinkResource(driver, name)

    def when(self, to: str | int | None = None, **match: object) -> AsyncPlan:
        """What happens to requests that fit: `await cloudsms.aio.when(to="852*").reply("Busy")`."""
        return AsyncPlan(self._api, {"to": None if to is None else str(to), **match})


class Cloudsms(ReachableAccount[BlockingHttpDriver]):
    """An account of the test's own: what to send with, what happened, and what is to happen."""

    def __init__(self, server: Server, account: AccountItem, sink_url: str, settings: FixtureSettings) -> None:
        super().__init__(server.client.of(account.name), server, account, settings)
        driver, name = self._driver, account.name
        self.account = BlockingAccount(driver, name)
        self.messages = MessageList(driver, name)
        self.requests = RequestList(driver, name)
        self.reports = ReportList(driver, name)
        self.clock = BlockingClock(driver, name)
        self.rules = Rules(driver, name)
        self.faults = Faults(driver, name)
        self.scenarios = ScenarioResource(driver, name)
        self.sink = BlockingSink(driver, name, sink_url)
        self.aio = AsyncCloudsms(server, account, settings)
        self.created = account

    def when(self, to: str | int | None = None, **match: object) -> BlockingPlan:
        """What happens to requests that fit; what is said last comes first. The keys are those of scenario files."""
        return BlockingPlan(self._api, {"to": None if to is None else str(to), **match})

    def __repr__(self) -> str:
        return f"<cloudsms account {self.account.name!r} at {self.url}>"


def open_account(server: Server, settings: FixtureSettings, test: str) -> Cloudsms:
    """Makes an account for a test, with its sink as callback. Raises RefusedError when the settings are wrong."""
    name = f"{_UNFIT_FOR_NAMES.sub('-', test).strip('.-')[:_LONGEST_NAME] or 'test'}-{secrets.token_hex(4)}"
    sink = server.sink_of(name)
    account = server.client.accounts.create(**{"name": name, "callback": {"url": sink}, **settings.account})
    api = server.client.of(account.name)
    api.sink.show()
    if settings.scenario_file is not None:
        seed = settings.account.get("seed")
        api.scenarios.use(
            text=settings.scenario_file.read_text(encoding="utf-8"), seed=seed if isinstance(seed, int) else None
        )
    return Cloudsms(server, account, sink, settings)


def _route_of(account: AccountItem) -> str:
    documented = "VerifyCode_516"
    if documented in account.routes or "*" in account.routes:
        return documented
    return min(account.routes, default="")


class TestAccounts:
    """The accounts of one test: opens them, tells what happened to them, and deletes them."""

    def __init__(self, servers: Servers, nodeid: str, name: str, folder: Path) -> None:
        self._servers = servers
        self._nodeid = nodeid
        self._name = name
        self._folder = folder
        self._open: list[tuple[Cloudsms, FixtureSettings]] = []
        self._pid = os.getpid()
        self._since = WallClock().now()
        self.last_report = ""
        """The report from before the accounts were deleted, if closing fails the test; else empty."""

    def open(self, settings: Mapping[str, object]) -> Cloudsms:
        """Opens another account. Fails the test, saying why, when that is impossible."""
        __tracebackhide__ = True
        why = ""
        try:
            wanted = fixture_settings(settings, self._nodeid, self._folder)
            server = self._servers.of(wanted.mtls)
            server.check()
            opened = open_account(server, wanted, self._name)
            self._open.append((opened, wanted))
        except (ApiError, ServerError, ValueError) as error:
            why = str(error)
        if why:
            # Not within the handler, or pytest would show where all this comes from too.
            pytest.fail(escaped_lines(f"cloudsms: {why}"), pytrace=False)
        return opened

    def sink(self) -> BlockingSink:
        """A sink that no account of the test has as callback."""
        return self.open({}).sink

    def report(self) -> str:
        """What happened to each open account, for the report of a failing test."""
        return "\n\n".join(self._report(each, self._since) for each, _ in self._open)

    def close(self) -> None:
        """Deletes the accounts; pushes on their way are aborted.

        Fails the test for answers it is strict about, and when the simulator has ended. Does nothing in a forked child.
        """
        __tracebackhide__ = True
        if self._pid != os.getpid():
            return
        wrong = [line for each, settings in self._open for line in _wrongly_answered(each, settings)]
        why = ["reports were answered wrongly:", *wrong] if wrong else []
        self.last_report = self.report() if wrong else ""
        for each, _ in self._open:
            try:
                each._server.check()
                each._server.client.accounts.delete(each.account.name)
            except (ApiError, ServerError) as error:
                why.append(f'the account "{each.account.name}" could not be deleted: {error}')
        self._open.clear()
        if why:
            pytest.fail("\n".join(map(escaped, why)), pytrace=False)

    def _report(self, opened: Cloudsms, since: datetime) -> str:
        try:
            return failure_report(opened._api, since)
        except ApiError as error:
            return f'account "{opened.account.name}": {error}'


def _wrongly_answered(opened: Cloudsms, settings: FixtureSettings) -> list[str]:
    if not settings.strict_answers:
        return []
    try:
        return wrong_answers(opened.reports.all(), settings.strict_answers)
    except ApiError as error:
        return [str(error)]
