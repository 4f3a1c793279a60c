"""The simulator: everything put together, started, and stopped.

`Simulator(settings)` opens the ports and makes store, platform, dispatcher and services; `start` serves in the
running loop, `stop` lets answers and pushes finish. The admin API and the inbox are imported at the first call of the
admin port.

Spec: CloudSMS Platform Server. Reading: R5, R16.
"""

import asyncio
import itertools
import logging
import os
import secrets
import shlex
import socket
import ssl
from collections.abc import Callable, Set
from datetime import timedelta

import msgspec
from starlette.types import ASGIApp

from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.settings import Settings, without_overruled
from cloudsms_simulator.engine.account import Account, AccountConfig
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.rules import CompiledRules, RuleBook
from cloudsms_simulator.journal.changes import ChangeBus
from cloudsms_simulator.models.server import Info, Ports
from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates
from cloudsms_simulator.net.flawed_certificates import CertificatePaths, FlawedCertificates
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.private_files import PrivateTempFolder, readable_keys
from cloudsms_simulator.net.runtime import LazyApp, refuse_green_threads
from cloudsms_simulator.net.sockets import host_and_port, open_socket, reachable_host
from cloudsms_simulator.net.tls import platform_context, receiver_context, tls_facts
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.push.dispatcher import Dispatcher
from cloudsms_simulator.push.sink import Sink
from cloudsms_simulator.services.accounts import AccountService
from cloudsms_simulator.services.clocks import ClockService
from cloudsms_simulator.services.endpoint import PLATFORM_PATH, BodyLimits, Endpoint, PacketReader
from cloudsms_simulator.services.info import certs_of, info_of
from cloudsms_simulator.services.metrics import Counters
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.services.recorder import ExchangeRecorder
from cloudsms_simulator.services.scenarios import ScenarioService, created_config
from cloudsms_simulator.services.tls_faults import FaultyTlsListeners
from cloudsms_simulator.services.watcher import Watcher
from cloudsms_simulator.stores.memory import DEFAULT_MESSAGES, MemoryStore

_NODES = 2**24
_SEEDS = 2**32

_log = logging.getLogger(__name__)


class Simulator:
    """A platform with its ports open. Making one raises what keeps it from serving:

    `ListenError` for a port, `CertificateError` for a certificate, ValueError for accounts that clash,
    `GreenThreadsError` where gevent replaced threads or sockets. `fixed` are
    the settings that the scenario has no say in, by name: no edit of it changes them.
    """

    def __init__(self, settings: Settings, scenario: Scenario | None = None, fixed: Set[str] = frozenset()) -> None:
        refuse_green_threads()
        self.settings = settings
        self.scenario = scenario
        self.seed = secrets.randbelow(_SEEDS) if settings.seed is None else settings.seed
        """What every chance is drawn from."""
        self.wall = WallClock()
        node = _nodes(self.seed)
        own_node = node()
        self.tally = Counters()
        self.news = ChangeBus()
        self.news.subscribe_to_all(self.tally)
        self.store = MemoryStore(
            self._new_clock,
            node,
            settings.journal_messages,
            settings.journal_bytes,
            self.news,
            _accounts_at_start(settings, scenario, self.seed),
        )
        self.directory = self.store.directory
        self._folder = None if settings.certs is not None else PrivateTempFolder()
        try:
            self.files = _certificate_files(settings, self._folder)
            context = None if settings.plain else platform_context(self.files, settings.mtls, settings.client_ca)
            sock = open_socket(settings.host, settings.port)
        except BaseException:
            self._remove_folder()
            raise
        try:
            admin_sock = open_socket(settings.admin_host, settings.admin_port, setting="--admin-port")
        except BaseException:
            sock.close()
            self._remove_folder()
            raise
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
        self.listener = self._platform_listener(sock, context)
        self.tls_troubles = FaultyTlsListeners(
            FlawedCertificates(self.files), settings.host, self._context_with, self._platform_listener
        )
        self.scenarios = ScenarioService(self.store, self.wall, settings.server_profile, self.pusher.clock_changed)
        self._fixed = fixed
        watched = scenario if settings.watch else None
        self._watcher = None if watched is None else Watcher(watched, self._play_edited)
        self.timekeeper = ClockService(self.store, self.pusher, self.wall)
        self.sink = Sink(lambda: receiver_context(self.files, "required"))
        self.keeper = AccountService(
            self.store,
            self.scenarios,
            self.timekeeper,
            self.wall,
            seed=self.seed,
            profile_of=settings.server_profile,
            forgot=lambda account: self.sink.forget(account.name),
        )
        self.admin_listener = Listener(
            LazyApp("cloudsms_simulator.inbox.app", self._admin_app),
            admin_sock,
            connection_ids=self._connection_ids,
            stopping=self.stopping,
        )
        self._serving = False

    @property
    def ready(self) -> Ready:
        """Where and as whom a client connects: as the account `default`, or the first there is."""
        scheme = "http" if self.settings.plain else "https"
        account = self.directory.named("default") or next(iter(self.directory))
        admin = host_and_port(reachable_host(self.admin_listener.host), self.admin_listener.port)
        return Ready(
            url=f"{scheme}://{host_and_port(reachable_host(self.listener.host), self.listener.port)}{PLATFORM_PATH}",
            admin_url=f"http://{admin}{self.settings.admin_path or ''}",
            ca=str(self.files.ca.absolute()),
            client_cert=str(self.files.customer_cert.absolute()),
            client_key=str(self.files.customer_key.absolute()),
            auth_key=account.auth_key,
            route_id=account.route_at_hand,
            pid=os.getpid(),
        )

    async def start(self) -> None:
        """Serves both ports in the running loop."""
        await self.listener.start()
        await self.admin_listener.start()
        for trouble in () if self.scenario is None else self.scenario.tls:
            await self.tls_troubles.url_of(trouble)
        self.pusher.start(self.directory)
        if self._watcher is not None:
            self._watcher.start()
        self._serving = True

    async def stop(self, grace: timedelta = timedelta(seconds=5)) -> int:
        """Takes no more requests, lets answers and pushes finish within `grace`, and returns how many pushes did not.

        A push that did not finish is in the journal as such until the store is closed.
        """
        self._serving = False
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace.total_seconds()
        try:
            if self._watcher is not None:
                await self._watcher.stop()
            await asyncio.gather(self.listener.stop(grace), self.tls_troubles.close(grace))
            self.timekeeper.close()
            ended = await self.pusher.close(max(0.0, deadline - loop.time()))
            await self.journal.written()
            await asyncio.gather(self.sink.close(), self.admin_listener.stop())
            await self.store.close()
        finally:
            self._remove_folder()
        return ended

    async def _play_edited(self, edited: Scenario) -> None:
        """Puts a scenario that was read again in the place of the one it was, for every account that began with it."""
        played = without_overruled(edited, self.settings, self._fixed)
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
        scenario = None if self.scenario is None else self.scenario.name
        ports = Ports(self.listener.port, self.admin_listener.port)
        return info_of(self.settings, self.seed, scenario, self.ready, ports, features)

    def is_serving(self) -> bool:
        """Whether both ports are served."""
        return self._serving

    def _admin_app(self) -> ASGIApp:
        # Imported when somebody calls: nothing else takes as long at the start, and many a run never needs it.
        from cloudsms_simulator.api.auth import TokenAuth
        from cloudsms_simulator.api.context import ApiContext
        from cloudsms_simulator.inbox.app import app_with_inbox
        from cloudsms_simulator.journal.events import EventHub
        from cloudsms_simulator.journal.waits import Waits
        from cloudsms_simulator.services.explainer import Explainer
        from cloudsms_simulator.services.sending import Interventions, PacketSender, Resubmitter
        from cloudsms_simulator.services.snapshot import StateService

        explainer = Explainer(self.platform, self.store, self.wall, lambda: self.ready, self.settings.admits)
        sender = PacketSender(self.store, self.endpoint.take)
        context = ApiContext(
            self.directory,
            self.store,
            self.wall,
            self.timekeeper,
            self.scenarios,
            self.tls_troubles,
            self.keeper,
            StateService(self.store, self.scenarios, self.timekeeper, self.keeper, self.pusher, self.wall),
            self.sink,
            self.info,
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
        hosts = {self.settings.admin_host, *self.settings.hosts}
        auth, root = TokenAuth(self.settings.admin_token), self.settings.admin_path
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

    def _new_clock(self, account: Account | None) -> Clock:
        return Clock.started("real" if account is None else self.settings.clock, self.wall.now())

    def _remove_folder(self) -> None:
        if self._folder is not None:
            self._folder.remove()


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
        _log.warning(
            "every user of this machine can read the private keys %s; mend it with chmod o-rwx %s",
            ", ".join(path.name for path in readable),
            shlex.join(str(path) for path in readable),
        )
    return files


def _nodes(seed: int) -> Callable[[], int]:
    """Numbers for the node in SMS_UIDs, from the seed on."""
    numbers = itertools.count(seed)
    return lambda: next(numbers) % _NODES
