"""Reports: one delivery report and the attempts to push it.

Spec: Delivery Report (DR) CallBack.
"""

from typing import Literal

import msgspec

from cloudsms_simulator.engine.connection import TlsFacts
from cloudsms_simulator.engine.fault import PushFault
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime

Outcome = Literal["pending", "answered", "failed", "abandoned", "cancelled", "no_callback", "lost"]
"""`pending`: due, running or waiting for a retry. `answered`: a 2xx came. `failed`: the only attempt did not succeed.
`abandoned`: all retries are used up. `no_callback`: there was no URL at the time. `lost`: scripted never to be pushed.
"""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One push: what was sent where and when, and what came back."""

    serial: int
    at: datetime
    url: str
    request: bytes
    status: int | None = None
    body: bytes = b""
    error: str | None = None
    findings: tuple[Finding, ...] = ()
    fault: PushFault | None = None
    """What was made to go wrong with it; `request` is what was meant to be sent."""
    resent: bool = False
    """Somebody asked for it when the report was done already."""
    tls: TlsFacts | None = None
    """What the handshake with the customer's server settled on, and its certificate; None where there was no answer."""

    @property
    def succeeded(self) -> bool:
        """Any 2xx ends a report."""
        return self.status is not None and 200 <= self.status < 300


class Report(msgspec.Struct, frozen=True, gc=False):
    """One report of one state of one message."""

    uid: str
    number: int
    """1 for the first report of the message."""
    account: str
    state: int
    reached_at: datetime
    """REPORT_TIME: when the state was reached."""
    outcome: Outcome = "pending"
    next_attempt_at: datetime | None = None
    """When the next push is due; None while one is running, and after the last."""
    attempts: tuple[Attempt, ...] = ()
    findings: tuple[Finding, ...] = ()
    resend: bool = False
    """The attempt that is due, or on the way, is one that somebody asked for when the report was done already."""

    @property
    def id(self) -> str:
        """`SMS_UID-number`."""
        return f"{self.uid}-{self.number}"


class Push(msgspec.Struct, frozen=True):
    """One attempt to be made now: POST `body` to `url`."""

    account: str
    uid: str
    number: int
    serial: int
    at: datetime
    url: str
    body: bytes
    fault: PushFault | None = None
    """What is to go wrong with it."""


class PushResult(msgspec.Struct, frozen=True):
    """How a push ended: a status and a body, or the rule that names the failure and what happened in words."""

    status: int | None = None
    body: bytes = b""
    failure: str | None = None
    error: str | None = None
    tls: TlsFacts | None = None
    """What the handshake settled on, where an answer came over TLS."""
    remedy: str | None = None
    """What mends the failure, where that is known."""
    location: str | None = None
    """Where the answer redirects to."""
    findings: tuple[Finding, ...] | None = None
    """What is wrong with how it ended, where that was worked out already."""
