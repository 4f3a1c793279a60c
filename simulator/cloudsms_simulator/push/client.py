"""The push client: POSTs one delivery report to a customer's server, and says how that went.

One session serves all accounts; its connections are pooled per address and TLS identity. Failures are results, not
exceptions. Pushes that are to go wrong are handed to `faults`. aiohttp is imported at the first push.

To be replaced by a client of our own (house.md section 6). Spec: Delivery Report (DR) CallBack. Reading: R11, R12.
"""

import asyncio
import ssl
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import httptools

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.faults import Identity
from cloudsms_simulator.engine.records import Push, PushResult, TlsFacts
from cloudsms_simulator.net.certificates import CertificateError, CertificateFiles
from cloudsms_simulator.net.flawed_certificates import CertificatePaths, FlawedCertificates
from cloudsms_simulator.net.http_client import Deadline, Deadlines, HttpAnswer
from cloudsms_simulator.net.tls import push_context, tls_facts
from cloudsms_simulator.push.failures import PushTarget
from cloudsms_simulator.push.faults import push_with_fault

if TYPE_CHECKING:
    import aiohttp


_MOST_OCTETS_READ = 1024 * 1024

_TlsIdentity = tuple[str | None, str | None, str | None, bool, Identity]


class PushClient:
    """Pushes reports. `files` holds the certificate shown by default and the authority trusted beside the system's."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._flawed = FlawedCertificates(files)
        self._contexts: dict[_TlsIdentity, ssl.SSLContext] = {}
        self._deadlines = Deadlines()
        self._timeouts: dict[timedelta, aiohttp.ClientTimeout] = {}
        self._session: aiohttp.ClientSession | None = None
        self._facts: WeakKeyDictionary[ssl.SSLObject, TlsFacts] = WeakKeyDictionary()
        """Of each pooled connection, read once."""

    async def post(self, push: Push, callback: Callback) -> PushResult:
        """The answer of the customer's server, or the rule that names what kept it from answering."""
        # Imported at the first callback: it takes longer than everything else at the start.
        import aiohttp

        try:
            context = self.context(callback) if push.url.startswith("https:") else None
        except CertificateError as error:
            return PushResult(failure="push-tls", error=str(error))
        way = PushTarget(push.url, callback, push.account, self._files.directory)
        if push.fault is not None:
            return await push_with_fault(push, way, push.fault, context)
        try:
            with self._deadlines.within(callback.timeout.total_seconds()) as deadline:
                response = await self._opened().post(
                    push.url,
                    data=aiohttp.BytesPayload(push.body),
                    ssl=context if context is not None else True,
                    timeout=self._timeout(callback.connect_timeout),
                    allow_redirects=False,
                )
                try:
                    if response.content.is_eof():
                        body = response.content.read_nowait(_MOST_OCTETS_READ)
                    else:
                        body = await _beginning_of(response.content, deadline)
                    tls = None if context is None else self._facts_of(getattr(response, "secured", None))
                    location = response.headers.get("Location")
                    return PushResult(response.status, body, tls=tls, location=location)
                finally:
                    response.release()
        except aiohttp.ConnectionTimeoutError:
            return way.too_late_connected(callback.connect_timeout.total_seconds())
        except TimeoutError:
            return way.too_late_answered()
        except aiohttp.ClientConnectorError as error:
            return way.unconnected(error.os_error)
        except aiohttp.ClientResponseError as error:
            return self._all_the_same(error) or way.broken_off(error, error.__cause__)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            broken = ConnectionError() if isinstance(error, aiohttp.ServerDisconnectedError) else error
            return way.broken_off(broken, error.__cause__)

    def context(self, callback: Callback) -> ssl.SSLContext:
        """The TLS identity that an account's pushes have. CertificateError when a file cannot serve."""
        identity = (callback.client_cert, callback.client_key, callback.ca, callback.verify, callback.identity)
        context = self._contexts.get(identity)
        if context is None:
            context = self._contexts[identity] = push_context(
                self._shown(callback),
                (self._files.ca, *([Path(callback.ca)] if callback.ca is not None else [])),
                verify=callback.verify,
            )
        return context

    async def close(self) -> None:
        """Closes every pooled connection."""
        self._deadlines.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _all_the_same(self, error: "aiohttp.ClientResponseError") -> PushResult | None:
        """The answer in what turned out to be no HTTP, if its head was; None if not even that."""
        from cloudsms_simulator.push.aiohttp_client import BrokenAnswerError

        broken, answer = error.__cause__, HttpAnswer()
        if not isinstance(broken, BrokenAnswerError):
            return None
        with suppress(httptools.HttpParserError):
            answer.feed(broken.arrived)
        if answer.status is None:
            return None
        return PushResult(answer.status, bytes(answer.body), tls=self._facts_of(broken.secured))

    def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            import aiohttp

            from cloudsms_simulator.push.aiohttp_client import PushConnector, PushRequest, PushResponse

            # A proxy variable of the environment would catch callbacks to loopback; cookies have no place here.
            self._session = aiohttp.ClientSession(
                connector=PushConnector(keepalive_timeout=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                headers={"Content-Type": "application/json"},
                request_class=PushRequest,
                response_class=PushResponse,
            )
        return self._session

    def _facts_of(self, secured: ssl.SSLObject | None) -> TlsFacts | None:
        if secured is None:
            return None
        facts = self._facts.get(secured)
        if facts is None:
            facts = self._facts[secured] = tls_facts(secured)
        return facts

    def _timeout(self, connecting: timedelta) -> "aiohttp.ClientTimeout":
        timeout = self._timeouts.get(connecting)
        if timeout is None:
            import aiohttp

            # The time for all of it has a deadline: a timer of aiohttp's for each push costs too much.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=connecting.total_seconds())
            self._timeouts[connecting] = timeout
        return timeout

    def _shown(self, callback: Callback) -> CertificatePaths | None:
        if callback.identity is not Identity.VALID:
            return self._flawed.as_client(callback.identity)
        certificate, key = callback.client_cert, callback.client_key
        return Path(certificate or self._files.platform_cert), Path(key or self._files.platform_key)


async def _beginning_of(content: "aiohttp.StreamReader", deadline: Deadline) -> bytes:
    """The body, or as much of it as came and anybody wants to see. The status is known, so nothing fails any more."""
    import aiohttp

    body = bytearray()
    try:
        while len(body) < _MOST_OCTETS_READ and (piece := await content.read(_MOST_OCTETS_READ - len(body))):
            body += piece
    except asyncio.CancelledError:
        if not deadline.is_over:
            raise
    except (aiohttp.ClientError, TimeoutError):
        pass
    return bytes(body)
