"""The simulator: everything put together, started, and stopped.

`Simulator(settings)` makes store, platform, dispatcher and services; `start` opens the ports and serves in the
running loop, `stop` lets answers and pushes finish. `Simulator.app` is all of it for another ASGI server, without a
port: `AsgiApp` has the work begin with the first request, and end with that server. The admin API and the inbox
are imported when somebody first calls them.

Spec: CloudSMS Platform Server. Reading: R5, R16, R27.
"""

import asyncio
import itertools
import logging
import os
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Set
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.settings import Settings, without_overruled
from cloudsms_simulator.engine.account import Account, AccountConfig
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.rules import CompiledRules, RuleBook
from cloudsms_simulator.models.server import ClockMode, Info, Ports, StorePlace
from cloudsms_simulator.net.asgi import AsgiAdapter, base_url, serve_in
from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates
from cloudsms_simulator.net.http_parser import path_below_root, root_of, scope_below
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.private_files import PrivateTempFolder, readable_keys
from cloudsms_simulator.net.runtime import LazyApp, refuse_green_threads
from cloudsms_simulator.net.sockets import host_and_port, open_socket, reachable_host
from cloudsms_simulator.net.tls import platform_context, receiver_context, tls_facts
from cloudsms_simulator.net.tls_faults import CertificatePaths, FaultyTlsListeners, FlawedCertificates
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.push.dispatcher import Dispatcher
from cloudsms_simulator.push.receiver import Sink
from cloudsms_simulator.services.accounts import AccountService
from cloudsms_simulator.services.clocks import ClockService
from cloudsms_simulator.services.endpoint import PLATFORM_PATH, BodyLimits, Endpoint, PacketReader
from cloudsms_simulator.services.metrics import Counters
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.services.recorder import ExchangeRecorder
from cloudsms_simulator.services.scenarios import ScenarioService, Watcher, created_config
from cloudsms_simulator.stores.memory import DEFAULT_MESSAGES, MemoryStore
from cloudsms_simulator.stores.store import ChangeBus, Store

if TYPE_CHECKING:
    from cloudsms_simulator.api.auth import TokenAuth
    from cloudsms_simulator.services.snapshot import StateService
    from cloudsms_simulator.stores.database import Database

_PLATFORM_FOLDER = PLATFORM_PATH.rpartition("/")[0]
_TEST_CLIENT = "testserver"
"""The host that test clients of ASGI applications call; there is no web site of that name."""
_GRACE = timedelta(seconds=5)
_NODES = 2**24
_SEEDS = 2**32

_log = logging.getLogger(__name__)


class Simulator:
    """A platform. Its ports are opened by `start`, or when somebody first asks where it is (`ready`, `listener`).

    Making one raises what keeps it from serving: `CertificateError` for a certificate, ValueError for accounts that
    clash, `GreenThreadsError` where gevent replaced threads or sockets; opening its ports raises `ListenError`.
    `fixed` are the settings that the scenario has no say in, by name: no edit of it changes them. One that does not
    configure them has the accounts of a store that outlived its process, each as it is, whatever the settings say.
    """

    def __init__(
        self,
        settings: Settings,
        scenario: Scenario | None = None,
        fixed: Set[str] = frozenset(),
        *,
        configures: bool = True,
    ) -> None:
        refuse_green_threads()
        self.settings = settings
        self.scenario = scenario
        self.wall = WallClock()
        self.tally = Counters()
        self.news = ChangeBus()
        self.news.subscribe_to_all(self.tally)
        self._folder: PrivateTempFolder | None = None
        with ExitStack() as opened:
            database = None if settings.store is None else opened.enter_context(closing(_database(settings.store)))
            self.seed = _seed(settings) if database is None else database.seed(settings.seed)
            """What every chance is drawn from."""
            node = _nodes(self.seed)
            own_node = node()
            accounts = _accounts_at_start(settings, scenario, self.seed) if configures else None
            self.store = self._new_store(database, node, accounts)
            self.directory = self.store.directory
            if settings.certs is None:
                self._folder = PrivateTempFolder()
                opened.callback(self._folder.remove)
            self.files = _certificate_files(settings, self._folder)
            self._tls = None if settings.plain else platform_context(self.files, settings.mtls, settings.client_ca)
            opened.pop_all()
        self.platform = Platform(
            self.directory,
            settings.server_profile(),
            own_node,
            packs_bodies=settings.journal_messages > DEFAULT_MESSAGES,
        )
        self.pusher = Dispatcher(self.platform, self.store, PushClient(self.files), self.wall)
        self.journal = ExchangeRecorder(self.platform, self.store, self.wall)
        reader = PacketReader(
            self.journal, BodyLimits(settings.body_limit, settings.body_timeout), lambda: self.directory.keys
        )
        self.endpoint = Endpoint(
            self.platform, self.store, self.journal, self.pusher, self.wall, reader, self.tally.answer_times
        )
        self.stopping = asyncio.Event()
        self._connection_ids = itertools.count(1)
        self.tls_troubles = FaultyTlsListeners(
            FlawedCertificates(self.files), settings.host, PLATFORM_PATH, self._context_with, self._platform_listener
        )
        self.scenarios = ScenarioService(self.store, self.wall, settings.server_profile, self.pusher.clock_changed)
        self.fixed = fixed
        """The settings that the scenario has no say in, by name."""
        watched = scenario if settings.watch else None
        self._watcher = None if watched is None else Watcher(watched, self._play_edited)
        self.timekeeper = ClockService(self.store, self.pusher, self.wall)
        self.sink = Sink(lambda: receiver_context(self.files, "required"))
        self.keeper = AccountService(
            self.store,
            self.scenarios,
            self.timekeeper,
            self.wall,
            new_clock=self._new_clock,
            seed=self.seed,
            profile_of=settings.server_profile,
            forgot=lambda account: self.sink.forget(account.name),
        )
        self.loop: asyncio.AbstractEventLoop | None = None
        """The event loop it works in, or has worked in; None before that."""
        self._listener: Listener | None = None
        self._admin_listener: Listener | None = None
        self._serving = False

    @property
    def listener(self) -> Listener:
        """The platform's port, opened by now."""
        if self._listener is None:
            self._listener = self._platform_listener(open_socket(self.settings.host, self.settings.port), self._tls)
        return self._listener

    @property
    def admin_listener(self) -> Listener:
        """The admin port, opened by now."""
        if self._admin_listener is None:
            self._admin_listener = Listener(
                LazyApp("cloudsms_simulator.inbox.app", self._port_admin_app),
                open_socket(self.settings.admin_host, self.settings.admin_port, setting="--admin-port"),
                connection_ids=self._connection_ids,
                stopping=self.stopping,
            )
        return self._admin_listener

    @cached_property
    def app(self) -> "AsgiApp":
        """The same platform as an ASGI application, for another server, which opens no port."""
        return AsgiApp(self)

    @property
    def ready(self) -> Ready:
        """Where and as whom a client connects: as the account `default`, or the first there is."""
        scheme = "http" if self.settings.plain else "https"
        admin = host_and_port(reachable_host(self.admin_listener.host), self.admin_listener.port)
        return msgspec.structs.replace(
            self._ready_at(
                f"{scheme}://{host_and_port(reachable_host(self.listener.host), self.listener.port)}",
                f"http://{admin}{self.settings.admin_path or ''}",
            ),
            ca=str(self.files.ca.absolute()),
            client_cert=str(self.files.customer_cert.absolute()),
            client_key=str(self.files.customer_key.absolute()),
        )

    async def start(self) -> None:
        """Opens both ports and serves them in the running loop. When a port cannot be opened, none stays open."""
        try:
            listeners = self.listener, self.admin_listener
        except BaseException:
            await self.stop(timedelta(0))
            raise
        for each in listeners:
            await each.start()
        for trouble in () if self.scenario is None else self.scenario.tls:
            await self.tls_troubles.url_of(trouble)
        self.work()

    def work(self) -> None:
        """Begins to push reports, and to watch the scenario's files, in the running loop."""
        self.loop = asyncio.get_running_loop()
        self.pusher.start(self.directory)
        self.store.attend(self.pusher.clock_changed)
        if self._watcher is not None:
            self._watcher.start()
        self._serving = True

    async def stop(self, grace: timedelta = _GRACE) -> int:
        """Takes no more requests, lets answers and pushes finish within `grace`, and returns how many pushes did not.

        A push that did not finish is in the journal as such until the store is closed.
        """
        self._serving = False
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace.total_seconds()
        try:
            if self._watcher is not None:
                await self._watcher.stop()
            self.stopping.set()
            port = () if self._listener is None else (self._listener.stop(grace),)
            await asyncio.gather(*port, self.tls_troubles.close(grace))
            self.timekeeper.close()
            ended = await self.pusher.close(max(0.0, deadline - loop.time()))
            await self.journal.written()
            admin_port = () if self._admin_listener is None else (self._admin_listener.stop(),)
            await asyncio.gather(self.sink.close(), *admin_port)
            await self.store.close()
        finally:
            self._remove_folder()
        return ended

    async def _play_edited(self, edited: Scenario) -> None:
        """Puts a scenario that was read again in the place of the one it was, for every account that began with it."""
        played = without_overruled(edited, self.settings, self.fixed)
        opened = len(self.tls_troubles.listeners)
        for trouble in played.tls:
            await self.tls_troubles.url_of(trouble)
        for each in self.tls_troubles.listeners[opened:]:
            _log.info("%s is where clients meet the trouble %s", each.url, each.trouble)
        for account in self.directory:
            if self.keeper.made(account):
                continue
            async with self.timekeeper.turn(account):
                await self.scenarios.replace_first_scenario(account, played)
        for said in edited.accounts:
            if self.directory.named(said.settings.name) is None:
                _log.warning("the account %s is new; it will be there after the next start", said.settings.name)
        self.scenario = played

    def info(self, features: tuple[str, ...]) -> Info:
        """What there is to know of it, with features that the admin API has."""
        return self._info(self.ready, Ports(self.listener.port, self.admin_listener.port), features)

    def is_serving(self) -> bool:
        """Whether it is at work, and its ports are served if it has any."""
        return self._serving

    def state(self) -> "StateService":
        """What takes everything there is as one document, and puts it back."""
        from cloudsms_simulator.services.snapshot import StateService

        return StateService(self.store, self.scenarios, self.timekeeper, self.keeper, self.pusher, self.wall)

    def asgi_endpoint(self) -> ASGIApp:
        """The application of the platform's port, for requests from another ASGI server."""
        settings = self.settings
        return AsgiAdapter(
            self.endpoint,
            connection_ids=self._connection_ids,
            stopping=self.stopping,
            admits=settings.admits if settings.whitelist else None,
            observer=self.journal,
        )

    def asgi_admin_app(self, url: Callable[[], str]) -> ASGIApp:
        """The application of the admin port, for requests from another ASGI server; `url` tells where it is called."""
        from cloudsms_simulator.api.auth import TokenAuth

        settings = self.settings
        if settings.asgi_admin == "open":
            auth, hosts = TokenAuth(None), {*settings.hosts, _TEST_CLIENT}
        else:
            auth, hosts = TokenAuth(settings.admin_token, wanted=True), {"*"}
        return self._admin_app(
            lambda: self._ready_at(url(), url()), lambda features: self._info_at(url(), features), hosts, auth
        )

    def _ready_at(self, url: str, admin_url: str) -> Ready:
        """As whom a client connects that finds the platform and the admin API below these URLs; no certificates."""
        account = self.directory.named("default") or next(iter(self.directory))
        return Ready(
            url=f"{url}{PLATFORM_PATH}",
            admin_url=admin_url,
            ca="",
            client_cert="",
            client_key="",
            auth_key=account.auth_key,
            route_id=account.route_at_hand,
            pid=os.getpid(),
        )

    def _info_at(self, url: str, features: tuple[str, ...]) -> Info:
        """What there is to know of it where everything is below one URL, and TLS is somebody else's business."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        info = self._info(self._ready_at(url, url), Ports(port, port), features)
        return msgspec.structs.replace(info, plain=parts.scheme != "https", mtls="off")

    def _info(self, ready: Ready, ports: Ports, features: tuple[str, ...]) -> Info:
        from cloudsms_simulator.services.info import info_of

        scenario = None if self.scenario is None else self.scenario.name
        return info_of(self.settings, self.seed, scenario, ready, ports, features, self.store)

    def _port_admin_app(self) -> ASGIApp:
        from cloudsms_simulator.api.auth import TokenAuth

        settings = self.settings
        hosts = {settings.admin_host, *settings.hosts}
        return self._admin_app(
            lambda: self.ready, self.info, hosts, TokenAuth(settings.admin_token), settings.admin_path
        )

    def _admin_app(
        self,
        ready: Callable[[], Ready],
        info: Callable[[tuple[str, ...]], Info],
        hosts: Set[str],
        auth: "TokenAuth",
        root: str | None = None,
    ) -> ASGIApp:
        # Imported when somebody calls: nothing else takes as long at the start, and many a run never needs it.
        from cloudsms_simulator.api.context import ApiContext
        from cloudsms_simulator.inbox.app import app_with_inbox
        from cloudsms_simulator.journal.events import EventHub
        from cloudsms_simulator.journal.waits import Waits
        from cloudsms_simulator.services.explainer import Explainer
        from cloudsms_simulator.services.info import certs_of
        from cloudsms_simulator.services.sending import Interventions, PacketSender, Resubmitter

        explainer = Explainer(self.platform, self.store, self.wall, ready, self.settings.admits)
        sender = PacketSender(self.store, self.endpoint.take)
        context = ApiContext(
            self.directory,
            self.store,
            self.wall,
            self.timekeeper,
            self.scenarios,
            self.tls_troubles,
            self.keeper,
            self.state,
            self.sink,
            info,
            lambda: certs_of(self.files),
            Waits(self.store, self.news, self.wall, self.timekeeper.is_moved, self.stopping),
            EventHub(self.store, self.news, self.wall, self.stopping),
            explainer,
            Interventions(self.platform, self.store, self.pusher, self.wall),
            Resubmitter(sender, explainer, self.store, self.wall),
            sender,
            self.is_serving,
            self.tally,
        )
        return app_with_inbox(context, self.news, self.stopping, hosts, auth, root)

    def _platform_listener(self, sock: socket.socket, context: ssl.SSLContext | None) -> Listener:
        """A listener for the platform's packets, the main one or one in trouble."""
        return Listener(
            self.endpoint,
            sock,
            tls=context,
            tls_facts=tls_facts,
            admits=self.settings.admits if self.settings.whitelist else None,
            observer=self.journal,
            connection_ids=self._connection_ids,
            stopping=self.stopping,
            keep_alive=self.settings.keep_alive,
            half_close=True,
        )

    def _context_with(self, shown: CertificatePaths) -> ssl.SSLContext:
        return platform_context(self.files, self.settings.mtls, self.settings.client_ca, shown)

    def _new_clock(self, account: Account | None, mode: ClockMode | None = None) -> Clock:
        """The clock an account begins with, in a mode of its own or the server's. What is no account's is real."""
        if account is None:
            return Clock.real(self.wall.now())
        return Clock.started(self.settings.clock if mode is None else mode, self.wall.now())

    def _new_store(
        self, database: "Database | None", node: Callable[[], int], accounts: tuple[AccountConfig, ...] | None
    ) -> Store:
        settings = self.settings
        most = settings.journal_messages, settings.journal_bytes
        if database is None:
            return MemoryStore(self._new_clock, node, *most, self.news, accounts or ())
        # Imported where there is a database.
        from cloudsms_simulator.services.snapshot import ConfigDocuments
        from cloudsms_simulator.stores.durable import DurableStore

        return DurableStore(
            database, ConfigDocuments(), self.wall.now, self._new_clock, node, *most, self.news, accounts
        )

    def _remove_folder(self) -> None:
        if self._folder is not None:
            self._folder.remove()


class _AsgiRoutes:
    """The platform and the admin API of a simulator, as one ASGI application."""

    def __init__(self, simulator: Simulator) -> None:
        self._called_at = ""
        self._endpoint = simulator.asgi_endpoint()
        self._admin = LazyApp("cloudsms_simulator.inbox.app", lambda: simulator.asgi_admin_app(lambda: self._called_at))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        path = path_below_root(scope).lower()
        if path == _PLATFORM_FOLDER or path.startswith(f"{_PLATFORM_FOLDER}/"):
            await self._endpoint(scope, receive, send)
        else:
            self._called_at = base_url(scope)
            await self._admin(scope_below(root_of(scope), scope), receive, send)


class _AsgiRun:
    """One run of a simulator in the event loop of another server, from the first request to the end of server or loop.

    It starts with the state of a `former` run, if there is one, whose loop has ended.
    """

    def __init__(self, simulator: Simulator, former: "_AsgiRun | None" = None) -> None:
        self.simulator = simulator
        self.loop = asyncio.get_running_loop()
        self._app = _AsgiRoutes(simulator)
        self._over = asyncio.Event()
        self._begun: asyncio.Future[None] = self.loop.create_future()
        self._kept: bytes | None = None
        self._abandoned: _AsgiRun | None = None
        self._work = self.loop.create_task(self._work_until_the_end(former))

    @property
    def has_ended(self) -> bool:
        """Whether its server has stopped, or it could not begin. Nothing is left of it then."""
        return self._over.is_set()

    def works_in(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether this running event loop is where it serves."""
        return self.loop is loop and not self.has_ended

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, in its own event loop."""
        if not self._begun.done():
            await asyncio.shield(self._begun)
        await self._app(scope, receive, send)

    async def end(self) -> None:
        """Lets pushes finish, then discards everything."""
        self._over.set()
        await self._work

    async def _work_until_the_end(self, former: "_AsgiRun | None") -> None:
        grace: timedelta | None = timedelta(0)
        try:
            self.simulator.work()
            if former is not None:
                if self.simulator.settings.store is None:
                    await self.simulator.state().put(await former._state())
                # A former run holds the whole journal. But asyncio complains of a task that is dropped while it waits.
                self._abandoned = former._abandoned if former._work.done() else former
                former = None
            self._begun.set_result(None)
            await self._over.wait()
            grace = _GRACE
        except asyncio.CancelledError:
            if self.simulator.settings.store is None:
                await self._state()
            raise
        except Exception as error:
            self._over.set()
            self._begun.set_exception(error)
        except GeneratorExit:
            grace = None  # the loop is gone, so nothing can be awaited
            raise
        finally:
            if grace is not None:
                await self.simulator.stop(grace)

    async def _state(self) -> bytes:
        """The state document of the moment the loop ended; made now, if that ended without cancelling its tasks."""
        if self._kept is None:
            self._kept = await self.simulator.state().take()
        return self._kept


class AsgiApp:
    """A simulator as an ASGI application: for another server, mounted or not, or for a client in the same process.

    A simulator that was started keeps serving in its own event loop. Any other starts with the first request, in the
    loop of that request, and stops when its server does (lifespan), or with the loop if nobody runs a lifespan. A
    request after the lifespan starts a new simulator. A request in a new loop, after the first has ended, starts one
    with the state of the first.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._started: _AsgiRoutes | None = None
        self._run: _AsgiRun | None = None
        self._entering = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or a server's lifespan. WebSockets are refused."""
        if scope["type"] == "http":
            run, here = self._run, asyncio.get_running_loop()
            loop, app = (run.loop, run.serve) if run is not None and run.works_in(here) else self._at_work()
            if loop is here:
                await app(scope, receive, send)
            else:
                await serve_in(loop, app, scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        run = self._run
        if run is not None and not run.has_ended and run.loop is asyncio.get_running_loop():
            await run.end()
        await send({"type": "lifespan.shutdown.complete"})

    def _at_work(self) -> tuple[asyncio.AbstractEventLoop, ASGIApp]:
        """The event loop the simulator runs in, and the application there. Starts one in this loop if none runs."""
        with self._entering:
            run, simulator = self._run, self._simulator
            if run is None and simulator.loop is not None:
                if self._started is None:
                    self._started = _AsgiRoutes(simulator)
                return simulator.loop, self._started
            if run is None:
                run = _AsgiRun(simulator)
            elif run.has_ended:
                run = _AsgiRun(Simulator(simulator.settings, simulator.scenario, simulator.fixed))
            elif not run.loop.is_running():
                run.simulator.store.let_go()
                settings = msgspec.structs.replace(simulator.settings, seed=run.simulator.seed)
                run = _AsgiRun(Simulator(settings, simulator.scenario, simulator.fixed), run)
            self._run = run
            return run.loop, run.serve


def _accounts_at_start(settings: Settings, scenario: Scenario | None, seed: int) -> tuple[AccountConfig, ...]:
    """The accounts as they begin: with the seed, and what the scenario lays down."""
    rules = CompiledRules(RuleBook() if scenario is None else scenario.book)
    accounts = [msgspec.structs.replace(each, rules=rules, seed=seed) for each in settings.server_accounts()]
    said = {account.name: account for account in settings.accounts}
    return tuple(created_config(each, said.get(each.name), scenario) for each in accounts)


def _certificate_files(settings: Settings, folder: PrivateTempFolder | None) -> CertificateFiles:
    directory = settings.certs if folder is None else folder.path
    assert directory is not None
    files = open_certificates(directory, settings.certificate_hosts)
    readable = readable_keys(directory)
    if readable:
        import shlex

        _log.warning(
            "every user of this machine can read the private keys %s; mend it with chmod o-rwx %s",
            ", ".join(path.name for path in readable),
            shlex.join(str(path) for path in readable),
        )
    return files


def _database(place: StorePlace) -> "Database":
    # Imported where there is a database.
    from cloudsms_simulator.stores.durable import open_database

    return open_database(place)


def _seed(settings: Settings) -> int:
    return secrets.randbelow(_SEEDS) if settings.seed is None else settings.seed


def _nodes(seed: int) -> Callable[[], int]:
    """Numbers for the node in SMS_UIDs, from the seed on."""
    numbers = itertools.count(seed)
    return lambda: next(numbers) % _NODES
