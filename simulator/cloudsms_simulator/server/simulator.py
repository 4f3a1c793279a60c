"""The simulator: everything put together, started, and stopped.

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

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.rule_book import RuleBook
from cloudsms_simulator.engine.rules import Rules
from cloudsms_simulator.server.account_keeper import AccountKeeper
from cloudsms_simulator.server.bodies import BodyLimits
from cloudsms_simulator.server.certificates import CertificateFiles, open_certificates
from cloudsms_simulator.server.door import PATH, Door
from cloudsms_simulator.server.endpoint import Endpoint
from cloudsms_simulator.server.event_loop import refuse_green_threads
from cloudsms_simulator.server.facts import certs_of, info_of
from cloudsms_simulator.server.journal import Journal
from cloudsms_simulator.server.late_app import LateApp
from cloudsms_simulator.server.listener import Listener
from cloudsms_simulator.server.listening_socket import authority, open_socket, reachable
from cloudsms_simulator.server.loaded_settings import without_overruled
from cloudsms_simulator.server.news import News
from cloudsms_simulator.server.own_folder import OwnFolder
from cloudsms_simulator.server.private_folder import readable_keys
from cloudsms_simulator.server.push_client import PushClient
from cloudsms_simulator.server.pusher import Pusher
from cloudsms_simulator.server.ready_file import Ready
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.scenarios import Scenarios
from cloudsms_simulator.server.server_item import Info, Ports
from cloudsms_simulator.server.settings import Settings
from cloudsms_simulator.server.sink import Sink
from cloudsms_simulator.server.tally import Tally
from cloudsms_simulator.server.timekeeper import Timekeeper
from cloudsms_simulator.server.tls import platform_context, receiver_context, tls_facts
from cloudsms_simulator.server.tls_trouble import TlsTroubles
from cloudsms_simulator.server.trouble_certificates import Shown, TroubleCertificates
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.server.watcher import Watcher
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
        self.directory = Directory(_accounts(settings, scenario, self.seed))
        self._folder = None if settings.certs is not None else OwnFolder()
        try:
            self.files = _certificates(settings, self._folder)
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
        node = _nodes(self.seed)
        self.platform = Platform(
            self.directory,
            settings.server_profile(),
            node(),
            packs_bodies=settings.journal_messages > DEFAULT_MESSAGES,
        )
        self.tally = Tally()
        self.news = News()
        self.news.listen_to_all(self.tally)
        self.store = MemoryStore(self._new_clock, node, settings.journal_messages, settings.journal_bytes, self.news)
        self.pusher = Pusher(self.platform, self.store, PushClient(self.files), self.wall)
        self.journal = Journal(self.platform, self.store, self.wall)
        door = Door(self.journal, BodyLimits(settings.body_limit, settings.body_timeout), lambda: self.directory.keys)
        self.endpoint = Endpoint(
            self.platform, self.store, self.journal, self.pusher, self.wall, door, self.tally.answer_times
        )
        self.stopping = asyncio.Event()
        self._connection_ids = itertools.count(1)
        self.listener = self._platform_listener(sock, context)
        self.tls_troubles = TlsTroubles(
            TroubleCertificates(self.files), settings.host, self._context_with, self._platform_listener
        )
        self.scenarios = Scenarios(
            self.directory,
            self.store,
            self.wall,
            {account.name: account for account in settings.accounts},
            settings.server_profile,
            self.pusher.clock_changed,
        )
        if scenario is not None:
            self.scenarios.begin(scenario)
        self._fixed = fixed
        watched = scenario if settings.watch else None
        self._watcher = None if watched is None else Watcher(watched, self._play_edited)
        self.timekeeper = Timekeeper(self.store, self.pusher, self.wall)
        self.sink = Sink(lambda: receiver_context(self.files, "required"))
        self.keeper = AccountKeeper(
            self.directory,
            self.store,
            self.scenarios,
            self.timekeeper,
            self.wall,
            seed=self.seed,
            profile_of=settings.server_profile,
            forgot=lambda account: self.sink.forget(account.name),
        )
        self.admin_listener = Listener(
            LateApp("cloudsms_simulator.server.inbox.app", self._admin_app),
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
        return Ready(
            url=f"{scheme}://{authority(reachable(self.listener.host), self.listener.port)}{PATH}",
            admin_url=f"http://{authority(reachable(self.admin_listener.host), self.admin_listener.port)}",
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
                await self.scenarios.begin_again(account, played)
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
        from cloudsms_simulator.server.admin.gate import Gate
        from cloudsms_simulator.server.admin.office import Office
        from cloudsms_simulator.server.events import Events
        from cloudsms_simulator.server.explanation import Explainer
        from cloudsms_simulator.server.inbox.app import app_with_inbox
        from cloudsms_simulator.server.interventions import Interventions
        from cloudsms_simulator.server.resubmission import Resubmitter
        from cloudsms_simulator.server.sender import Sender
        from cloudsms_simulator.server.state import StateKeeper
        from cloudsms_simulator.server.waits import Waits

        explainer = Explainer(self.platform, self.store, self.wall, lambda: self.ready, self.settings.admits)
        sender = Sender(self.store, self.endpoint.take)
        office = Office(
            self.directory,
            self.store,
            self.wall,
            self.timekeeper,
            self.scenarios,
            self.tls_troubles,
            self.keeper,
            StateKeeper(
                self.directory, self.store, self.scenarios, self.timekeeper, self.keeper, self.pusher, self.wall
            ),
            self.sink,
            self.info,
            lambda: certs_of(self.files),
            Waits(self.store, self.news, self.wall, self.timekeeper.is_moved, self.stopping),
            Events(self.store, self.news, self.wall, self.stopping),
            explainer,
            Interventions(self.platform, self.store, self.pusher, self.wall),
            Resubmitter(sender, explainer, self.store, self.wall),
            sender,
            self.is_serving,
            self.tally,
        )
        hosts = {self.settings.admin_host, *self.settings.hosts}
        return app_with_inbox(office, self.news, self.stopping, hosts, Gate(self.settings.admin_token))

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
        )

    def _context_with(self, shown: Shown) -> ssl.SSLContext:
        return platform_context(self.files, self.settings.mtls, self.settings.client_ca, shown)

    def _new_clock(self, account: Account | None) -> Clock:
        wall = self.wall.now()
        if account is None or self.settings.clock == "real":
            return Clock.real(wall)
        return Clock.frozen(wall) if self.settings.clock == "frozen" else Clock.scaled(self.settings.clock, wall)

    def _remove_folder(self) -> None:
        if self._folder is not None:
            self._folder.remove()


def _accounts(settings: Settings, scenario: Scenario | None, seed: int) -> tuple[Account, ...]:
    """The accounts as they begin: with the seed, and what the scenario lays down."""
    rules = Rules(RuleBook() if scenario is None else scenario.book)
    return tuple(msgspec.structs.replace(each, rules=rules, seed=seed) for each in settings.server_accounts())


def _certificates(settings: Settings, folder: OwnFolder | None) -> CertificateFiles:
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
