"""Exchanges: one request with its answer, refused ones, refused handshakes and closed connections included.

Spec: Interface specification and communication principle.
"""

from typing import Literal

import msgspec

from cloudsms_simulator.engine.connection import Connection, Headers, RequestLine
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode

Kind = Literal["uip", "http", "handshake", "closed"]

MOST_FINDINGS = 1000
"""Findings that are kept or shown of one exchange: enough for 200 destinations, too few for a mebibyte of mistakes."""


class Exchange(msgspec.Struct, frozen=True, gc=False):
    """One exchange.

    `body` has its AUTH_KEY masked. `answer` is None for an accepted request: it is encoded again from the messages
    when somebody looks. `findings` holds what was found at once, None where only mistakes could be found: those are
    worked out from the kept bytes when somebody looks.
    """

    id: int
    account: str | None
    kind: Kind
    received_at: datetime
    connection: Connection | None
    headers: Headers
    http_status: int | None
    code: ResultCode | None
    kept_body: bytes
    answer: bytes | None
    findings: tuple[Finding, ...] | None
    accepted: str | tuple[str, ...] = ()
    """The SMS_UID of the message that came of it, or the SMS_UIDs if it is not just one."""
    surplus: bool = False
    """Bytes followed the body."""
    rule: str | None = None
    """The rule of a scenario, or the magic number, that the fault is from; without one, that decided on it first."""
    fault: str | None = None
    """The fault that befell its answer, or DELAY."""
    line: RequestLine | None = None
    """None where no head of an HTTP request could be read, and for what was sent from inside the server."""

    @property
    def body(self) -> bytes:
        """What came, its AUTH_KEY masked."""
        return self.kept_body

    @property
    def uids(self) -> tuple[str, ...]:
        """The SMS_UIDs of the messages that came of it, in order."""
        return (self.accepted,) if isinstance(self.accepted, str) else self.accepted
