"""Exchanges: one request with its answer, refused ones, refused handshakes and closed connections included.

Spec: Interface specification and communication principle.
"""

from datetime import datetime
from typing import Literal

import msgspec

from cloudsms_simulator.engine.connection import Connection, Headers
from cloudsms_simulator.protocol.finding import Finding
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
    body: bytes
    answer: bytes | None
    findings: tuple[Finding, ...] | None
    uids: tuple[str, ...] = ()
    surplus: bool = False
    """Bytes followed the body."""
