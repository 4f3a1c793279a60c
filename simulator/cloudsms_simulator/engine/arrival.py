"""What comes in to the platform, and what goes out.

Spec: Interface specification and communication principle. Reading: R22.
"""

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.connection import Connection, Headers, RequestLine
from cloudsms_simulator.engine.fault import Trouble
from cloudsms_simulator.engine.keeping import Keeping
from cloudsms_simulator.protocol.answer import AllAccepted, encode_accepted
from cloudsms_simulator.protocol.candidate import Candidate, Refusal
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.submission import Submission


class Arrival(msgspec.Struct, frozen=True):
    """A request as it came: its bytes, the connection it came on, and whether bytes followed that were none of it.

    `headers` have their AUTH_KEYs masked already: they are the same from request to request, bodies are not.
    """

    body: bytes
    connection: Connection | None = None
    headers: Headers = ()
    surplus: bool = False
    line: RequestLine | None = None


class Identified(msgspec.Struct, frozen=True):
    """A decoded request, the AUTH_KEY it carries, and the account that has it."""

    candidate: Candidate
    account: Account | None
    key: str | None


class Diagnosis(msgspec.Struct, frozen=True):
    """What is kept of a packet that is refused: its body, and everything worth telling about it, without AUTH_KEYs."""

    body: bytes
    findings: tuple[Finding, ...]


class Judged(msgspec.Struct, frozen=True):
    """A request after the checks, which take nothing but the packet and its account's configuration.

    It has a `refusal`, or a `submission` and what is kept of it.
    """

    identified: Identified
    refusal: Refusal | None = None
    by_gateway: bool = False
    """Whether checks 1 to 9 refused it."""
    is_heard: bool = False
    """Whether a rule or a magic number may have a say in it, even if it is refused."""
    submission: Submission | None = None
    keeping: Keeping | None = None
    diagnosis: Diagnosis | None = None
    """Of a packet with a refusal, where `Platform.diagnosed` worked it out; else it is worked out when it is kept."""


class Reply(msgspec.Struct, frozen=True):
    """What goes back: an answer, or None when the connection is closed without one."""

    answer: bytes | AllAccepted | None
    code: ResultCode | None
    request_id: int
    first_due: datetime | None = None
    """When the first report is due on the account's clock, None when none is."""
    trouble: Trouble | None = None
    """What befalls the answer on its way."""
    before: tuple[str, ...] = ()
    """SMS_UIDs of messages whose first report the answer waits for."""

    @property
    def body(self) -> bytes | None:
        """The answer's bytes; those of a request that was accepted as a whole are written whenever somebody asks."""
        return encode_accepted(self.answer) if isinstance(self.answer, AllAccepted) else self.answer
