"""The platforms of a test session: a simulator in a thread of its own for each mTLS mode, or one that runs elsewhere.

What starts and stops a thread has deadlines, so that a session ends whatever happens; a simulator that ended by
itself is a ServerError for the next test that asks. A thread belongs to the process that started it: a forked child
has none, and leaves that of its parent alone. The log of simulators is kept out of the log of the user's tests, but
for what fails inside the simulator.
"""

import asyncio
import logging
import os
import ssl
import threading
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

from cloudsms_simulator.client.client import Client
from cloudsms_simulator.net.private_files import PrivateTempFolder

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from cloudsms_simulator.config.settings import Settings
    from cloudsms_simulator.services.ready_file import Ready
    from cloudsms_simulator.simulator import Simulator


START_TIMEOUT = 30.0
"""Seconds of wall time."""
STOP_TIMEOUT = 10.0
_GRACE = timedelta(milliseconds=50)


class ServerError(RuntimeError):
    """The simulator cannot be started, reached or stopped, or ended by itself."""


class ServerThread:
    """A simulator, its event loop and its thread. The thread does not keep the process from ending."""

    def __init__(
        self, settings: "Settings", *, starts_within: float = START_TIMEOUT, stops_within: float = STOP_TIMEOUT
    ) -> None:
        self._settings = settings
        self._starts_within = starts_within
        self._stops_within = stops_within
        self._ready: Future[Ready] = Future()
        self._simulator: Simulator | None = None
        self._stop: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._stopped = False
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._serve, name="cloudsms-simulator", daemon=True)

    def start(self) -> "Ready":
        """Where the simulator is, once it serves. ServerError when something keeps it from that, or it takes too
        long."""
        from cloudsms_simulator.net.runtime import GreenThreadsError, refuse_green_threads

        try:
            refuse_green_threads()
        except GreenThreadsError as error:
            raise ServerError(str(error)) from error
        self._thread.start()
        try:
            failed = self._ready.exception(self._starts_within)
        except TimeoutError:
            self._ask_to_stop()
            raise ServerError(f"the simulator did not start within {self._starts_within:g} s") from None
        if failed is not None:
            raise ServerError(f"the simulator did not start: {_error_text(failed)}") from failed
        return self._ready.result()

    def application(self) -> "tuple[ASGIApp, asyncio.AbstractEventLoop]":
        """The simulator as an ASGI application, and the event loop that it serves in. ServerError in a forked child,
        and when it does not run."""
        self.check()
        simulator = self._simulator
        if simulator is None or simulator.loop is None or not self._is_here:
            raise ServerError("the simulator does not run in this process")
        return simulator.app, simulator.loop

    def check(self) -> None:
        """ServerError, with the reason, when the simulator is not running any more though nobody stopped it. A forked
        child cannot know."""
        if not self._is_here or self._stopped or not self._ended.done():
            return
        error = self._ended.exception(0)
        why = "" if error is None else f": {_error_text(error)}"
        raise ServerError(f"the simulator ended while the tests were running{why}") from error

    def stop(self) -> None:
        """Stops it, whatever it is doing; ServerError when that takes too long, or it ended in an error. In a forked
        child nothing is done."""
        if not self._is_here:
            return
        how = "ended while the tests were running" if self._ended.done() else "did not stop as it should"
        self._ask_to_stop()
        self._thread.join(self._stops_within)
        if self._thread.is_alive():
            raise ServerError(f"the simulator did not stop within {self._stops_within:g} s; it ends with the process")
        error = self._ended.exception(0)
        if error is not None:
            raise ServerError(f"the simulator {how}: {_error_text(error)}") from error

    @property
    def _is_here(self) -> bool:
        # Asked before any lock of the futures: in a child, nobody is left to let go of one that was held at the fork.
        return self._pid == os.getpid()

    def _ask_to_stop(self) -> None:
        self._stopped = True
        if not self._stop.done():
            self._stop.set_result(None)

    def _serve(self) -> None:
        try:
            from cloudsms_simulator.net.runtime import new_event_loop

            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._run())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _run(self) -> None:
        from cloudsms_simulator.simulator import Simulator

        simulator = Simulator(self._settings)
        await simulator.start()
        self._simulator = simulator
        try:
            self._ready.set_result(simulator.ready)
            await asyncio.wrap_future(self._stop)
        finally:
            await simulator.stop(_GRACE)


def _error_text(error: BaseException) -> str:
    return str(error) or type(error).__name__


Mtls = Literal["off", "optional", "required"]


class Server:
    """A platform that tests send to. Paths are of PEM files; `client` may be used by any thread."""

    def __init__(
        self, *, url: str, admin_url: str, token: str | None, mtls: str, ca: str, client_cert: tuple[str, str]
    ) -> None:
        self.url = url
        """Ends in `/dave/io`."""
        self.admin_url = admin_url
        self.token = token
        self.mtls = mtls
        self.ca = ca
        self.client_cert = client_cert
        """Certificate and key."""
        self.client = Client(admin_url, token)
        self._sinks: str | None = None

    def ssl_context(self) -> ssl.SSLContext:
        """A new context of a client that trusts the server and shows the customer's certificate."""
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(*self.client_cert)
        return context

    def sink_of(self, account: str) -> str:
        """Where the reports of an account would go, whether there is one of that name by now or not."""
        if self._sinks is None:
            self._sinks = self.client.sink.show().url.rpartition("/")[0]
        return f"{self._sinks}/{account}"

    def application(self) -> "tuple[ASGIApp, asyncio.AbstractEventLoop]":
        """The platform as an ASGI application, and the event loop that it serves in. ServerError when it runs
        elsewhere."""
        raise ServerError(
            f"the simulator at {self.admin_url} runs in another process (--cloudsms-url), so no transport reaches it"
            " without a socket; send to cloudsms.url, with verify=cloudsms.ssl_context"
        )

    def check(self) -> None:
        """ServerError when it is known not to run any more."""

    def close(self) -> None:
        """Ends what this object began. A forked child leaves alone what its parent began."""
        self.client.close()


class LocalServer(Server):
    """A simulator in a thread. `certs` is the folder of certificates to use, those of another one; new ones if None."""

    def __init__(self, mtls: Mtls, profile: Literal["spec", "observed"], certs: Path | None = None) -> None:
        from cloudsms_simulator.config.settings import Settings

        settings = msgspec.structs.replace(
            Settings(), port=0, admin_port=0, mtls=mtls, profile=profile, clock="frozen", certs=certs, asgi_admin="open"
        )
        self._thread = ServerThread(settings)
        ready = self._thread.start()
        super().__init__(
            url=ready.url,
            admin_url=ready.admin_url,
            token=None,
            mtls=mtls,
            ca=ready.ca,
            client_cert=(ready.client_cert, ready.client_key),
        )

    def application(self) -> "tuple[ASGIApp, asyncio.AbstractEventLoop]":
        """It as an ASGI application, and its event loop."""
        return self._thread.application()

    def check(self) -> None:
        """ServerError when its thread ended by itself."""
        self._thread.check()

    def close(self) -> None:
        """Stops it, whatever it is doing; ServerError when it does not stop in time."""
        super().close()
        self._thread.stop()


class RemoteServer(Server):
    """A simulator that runs elsewhere, known by the URL of its admin API. ServerError when it cannot be used."""

    def __init__(self, admin_url: str, token: str | None) -> None:
        from cloudsms_simulator.client.errors import ApiError

        try:
            with Client(admin_url, token) as client:
                info, certs = client.info(), client.certs()
        except (ApiError, ValueError) as error:
            raise ServerError(f"--cloudsms-url {admin_url}: {error}") from error
        self._folder = PrivateTempFolder()
        ca, cert, key = (self._folder.path / name for name in ("ca.pem", "customer.pem", "customer-key.pem"))
        for path, pem in ((ca, certs.ca_pem), (cert, certs.client_cert_pem), (key, certs.client_key_pem)):
            path.touch(mode=0o600)
            path.write_text(pem, encoding="ascii")
        super().__init__(
            url=_at_host_of(admin_url, info.urls.platform),
            admin_url=admin_url,
            token=token,
            mtls="off" if info.plain else info.mtls,
            ca=str(ca),
            client_cert=(str(cert), str(key)),
        )

    def close(self) -> None:
        """Forgets its certificates; it runs on."""
        super().close()
        self._folder.remove()


class QuietLog:
    """Keeps the log of simulators out of the log of the user's tests, but for what fails inside the simulator.

    Who gives the logger `cloudsms_simulator` a level has asked for it, and gets it.
    """

    def __init__(self) -> None:
        self._log = logging.getLogger("cloudsms_simulator")
        self._level = logging.ERROR if self._log.level == logging.NOTSET else logging.NOTSET
        if self._level:
            self._log.setLevel(self._level)

    def close(self) -> None:
        """Leaves the logger as it was, unless somebody changed it meanwhile."""
        if self._log.level == self._level:
            self._log.setLevel(logging.NOTSET)


class Servers:
    """The servers of a session, each started when it is first asked for: one, and one for each other mtls mode."""

    def __init__(self, profile: Literal["spec", "observed"], remote: tuple[str, str | None] | None) -> None:
        self._profile = profile
        self._remote = remote
        self._open: dict[str, Server] = {}
        self._log = QuietLog()

    def of(self, mtls: Mtls | None) -> Server:
        """The server with a mode, `required` unless said; a remote one has the mode it has."""
        if self._remote is not None:
            server = self._open.get("remote")
            if server is None:
                server = self._open["remote"] = RemoteServer(*self._remote)
            if mtls is not None and mtls != server.mtls:
                refusal = f"want a server with client certificates {mtls}, but {server.admin_url} has {server.mtls}"
                raise ServerError(f"{refusal}; start another one with --mtls {mtls}")
            return server
        mode: Mtls = mtls or "required"
        server = self._open.get(mode)
        if server is None:
            first = next(iter(self._open.values()), None)
            certs = None if first is None else Path(first.ca).parent
            server = self._open[mode] = LocalServer(mode, self._profile, certs)
        return server

    def close(self) -> None:
        """Closes all of them, the one whose certificates the others use last. ServerError when one does not stop, once
        the others have."""
        with ExitStack() as stack:
            stack.callback(self._log.close)
            for server in self._open.values():
                stack.callback(server.close)


def _at_host_of(admin_url: str, url: str) -> str:
    """A URL of the server at the host it is reached by."""
    admin, parts = urlsplit(admin_url), urlsplit(url)
    host = admin.hostname or "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit(parts._replace(netloc=shown if parts.port is None else f"{shown}:{parts.port}"))
