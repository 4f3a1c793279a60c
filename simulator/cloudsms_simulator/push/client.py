"""The push client: POSTs one delivery report to a customer's server, and says how that went.

One HTTP client serves all accounts; its connections are kept per address and TLS identity. Failures are results, not
exceptions. Pushes that are to go wrong are handed to `faults`, which uses the same HTTP client.

Spec: Delivery Report (DR) CallBack. Reading: R11, R12.
"""

import ssl
from functools import lru_cache
from pathlib import Path

import msgspec

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.faults import Identity
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.certificates import CertificateError, CertificateFiles
from cloudsms_simulator.net.flawed_certificates import CertificatePaths, FlawedCertificates
from cloudsms_simulator.net.http_answer import HttpClientError
from cloudsms_simulator.net.http_client import HttpClient, HttpUrl, content_length, parse_url, post_head
from cloudsms_simulator.net.tls import push_context
from cloudsms_simulator.push.failures import PushTarget
from cloudsms_simulator.push.faults import push_with_fault

_TlsIdentity = tuple[str | None, str | None, str | None, bool, Identity]


class PushClient:
    """Pushes reports. `files` holds the certificate shown by default and the authority trusted beside the system's."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._flawed = FlawedCertificates(files)
        self._contexts: dict[_TlsIdentity, ssl.SSLContext] = {}
        self._http = HttpClient()

    async def post(self, push: Push, callback: Callback) -> PushResult:
        """The answer of the customer's server, or the rule that names what kept it from answering."""
        try:
            url, head = _request(push.url)
        except ValueError:
            return PushResult(failure="push-failed", error=f"{push.url} is no address to push to")
        try:
            context = self.context(callback) if url.is_tls else None
        except CertificateError as error:
            return PushResult(failure="push-tls", error=str(error))
        if push.fault is not None:
            return await push_with_fault(self._http, push, self._target(push, callback), push.fault, context)
        body = push.body
        try:
            answer = await self._http.exchange(
                url,
                b"%b%b%b" % (head, content_length(len(body)), body),
                context,
                within=callback.timeout.total_seconds(),
                connect_within=callback.connect_timeout.total_seconds(),
            )
        except HttpClientError as error:
            result = self._target(push, callback).unanswered(error)
            return msgspec.structs.replace(result, repeated=error.repeated)
        return PushResult(
            answer.status, answer.body, tls=answer.tls, location=answer.location, repeated=answer.repeated
        )

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
        """Closes every connection."""
        await self._http.close()

    def _target(self, push: Push, callback: Callback) -> PushTarget:
        return PushTarget(push.url, callback, push.account, self._files.directory)

    def _shown(self, callback: Callback) -> CertificatePaths | None:
        if callback.identity is not Identity.VALID:
            return self._flawed.as_client(callback.identity)
        certificate, key = callback.client_cert, callback.client_key
        return Path(certificate or self._files.platform_cert), Path(key or self._files.platform_key)


@lru_cache(maxsize=256)
def _request(url: str) -> tuple[HttpUrl, bytes]:
    """A callback's URL, and the head of every push to it. ValueError for one that is none."""
    parsed = parse_url(url)
    return parsed, post_head(parsed, b"Content-Type: application/json")
