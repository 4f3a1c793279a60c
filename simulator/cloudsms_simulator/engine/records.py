"""Records: what the journal holds (connections, exchanges, messages, reports), and how it is kept: small, without keys.

An `Exchange` is one request with its answer, refused ones, refused handshakes and closed connections included; the
`ConnectionFacts` of its peer are kept once for all requests on a connection. A `Sending` is an exchange that messages
came of, with all that they share. A `Message` is one SMS to one destination, from its acceptance to its fate: a new
state is a new value. A `Report` is one delivery report with its `Attempt`s; a `Push` is one attempt to be made now,
and a `PushResult` what came of it.

What is kept has no AUTH_KEY in it (`kept_packet_of`; `without_keys` for findings, which quote what came, and what
came may be a key in another field). Bodies of accepted requests can be packed: deflate with a dictionary of what they
have in common leaves about a quarter of one. A body that many messages share is small for each of them already, and
stays.

Spec: Interface specification and communication principle. Spec: SMS Dispatching. Spec: SMS_STATE and RESULT_DESC. Spec:
Delivery Report (DR) CallBack. Spec: Parameter Details, AUTH_KEY. Reading: R17, R18.
"""

import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.plan import Plan, Step
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.checks import signed_text_in
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.masking import (
    SHORTEST_SOUGHT_ANYWHERE,
    KeyRing,
    fingerprint,
    hide_in_quotation,
    hide_in_text,
)
from cloudsms_simulator.protocol.packet import Submission
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import Segmentation
from cloudsms_simulator.protocol.timestamps import ForeignMoment

# Connections and exchanges.

Headers = tuple[tuple[bytes, bytes], ...]


class RequestLine(msgspec.Struct, frozen=True):
    """How a request began: `POST /dave/io HTTP/1.1`. Kept once for all requests on a connection that begin alike."""

    method: str
    target: str
    """The path with its query string as they came, percent-encoded; AUTH_KEYs masked, at most 1,000 characters."""
    version: str
    """`1.1` or `1.0`."""


class PeerCertificate(msgspec.Struct, frozen=True):
    """The certificate a peer showed."""

    subject: str
    """As RFC 4514 writes it: `CN=CloudSMS customer,O=CloudSMS simulator`."""
    issuer: str
    serial: str
    """Hexadecimal, upper case."""
    not_before: ForeignMoment
    """Hong Kong time, as every moment here."""
    not_after: ForeignMoment
    fingerprint_sha256: str
    """As `openssl x509 -fingerprint` prints it: `AB:CD:…`."""
    san: tuple[str, ...]
    """Host names and addresses."""


class TlsFacts(msgspec.Struct, frozen=True):
    """What a handshake settled on: `TLSv1.3`, `TLS_AES_256_GCM_SHA384`, and the peer's certificate if it showed one."""

    version: str
    cipher: str
    peer: PeerCertificate | None


class ConnectionFacts(msgspec.Struct, frozen=True):
    """One connection: its number, the peer's address, and TLS, None on plain HTTP.

    `opened_at` and `used_at` are moments of the wall, not of an account's clock: when it was accepted, and when its
    first request came. None where nobody knows.
    """

    id: int
    host: str
    port: int
    tls: TlsFacts | None = None
    opened_at: datetime | None = None
    used_at: datetime | None = None

    @property
    def peer(self) -> str:
        """Address and port as people write them: `127.0.0.1:50000`, `[::1]:50000`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


ExchangeKind = Literal["uip", "http", "handshake", "closed"]

MOST_FINDINGS = 1000
"""Findings that are kept or shown of one exchange: enough for 200 destinations, too few for a mebibyte of mistakes."""


class Exchange(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="Exchange", tag_field="$type"):
    """One request with its answer.

    `body` has its AUTH_KEY masked. `answer` is None for an accepted request: it is encoded again from the messages
    when somebody looks. `findings` holds what was found at once, None where only mistakes could be found: those are
    worked out from the kept bytes when somebody looks.
    """

    id: int
    account: str | None
    kind: ExchangeKind
    received_at: datetime
    connection: ConnectionFacts | None
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
    """The rule of a scenario, or the magic number, that the fault comes from; without one, the first that decided."""
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


# Messages.

_NOTHING = Decimal(0)


class Sending(Exchange, frozen=True, gc=False, kw_only=True, tag="Sending"):
    """An exchange that messages came of, and with it all that they share: millions may be kept."""

    serial: int
    route_id: str
    source: str
    """SOURCE_MSISDN: the sender the handset shows."""
    segmentation: Segmentation
    currency: Currency
    profile: Profile
    metered: bool = True
    """Whether the balance was limited, and every message debited."""
    customer_body: bytes | None = None
    kept_text: str | None = None
    """The signed text, unless it is read out of the body."""
    places: tuple[int, ...] | None = None
    """The places of the messages in MULTI_MSISDN_LIST, from 0; None when all of the list was accepted."""

    @property
    def body(self) -> bytes:
        """What came, its AUTH_KEY masked; unpacked whenever somebody asks."""
        return unpacked_body(self.kept_body)

    @property
    def request_id(self) -> int:
        """The number of the exchange."""
        return self.id

    @property
    def accepted_at(self) -> datetime:
        """The moment the plans of the messages begin."""
        return self.received_at

    @property
    def text(self) -> str:
        """The signed text; that of a single message is usually read out of the body, whenever somebody asks."""
        return self.masked_text if self.kept_text is None else self.kept_text

    @property
    def masked_text(self) -> str:
        """The signed text as the kept body has it: an AUTH_KEY in it is masked, whichever was sent."""
        return signed_text_in(self.body, self.profile)

    @property
    def shown_customer_body(self) -> bytes | None:
        """CUSTOMER_BODY as the kept body has it, masked likewise. What is pushed is what came."""
        body = self.body
        if self.customer_body is None or self.customer_body in body:
            return self.customer_body
        return bytes(packet.decode(body).packet.customer_body) or self.customer_body


class ReachedState(msgspec.Struct, frozen=True, gc=False):
    """A state a message reached, and when."""

    state: int
    at: datetime


class Message(msgspec.Struct, frozen=True, gc=False):
    """One SMS to one destination. A new state is a new value: the store replaces the old one."""

    uid: str
    sending: Sending
    country_code: int
    msisdn: str
    admission: Decimal | str
    """The price of one segment, or why the message was rejected locally: then it costs nothing."""
    plan: Plan
    """The steps that will happen."""
    passages: tuple[ReachedState, ...] = ()
    """The states it reached, in order."""
    refunded: bool = False
    settled: bool = False
    """Nothing is left to do: the final state is reached and its reports are settled."""
    rule: str | None = None
    """The rule of a scenario, or the magic number, that decided on it."""

    @property
    def index(self) -> int:
        """Its place in MULTI_MSISDN_LIST, from 0."""
        nth = self.sending.uids.index(self.uid)
        return nth if self.sending.places is None else self.sending.places[nth]

    @property
    def price(self) -> Decimal:
        """The price of one segment; 0 for a message rejected locally."""
        return _NOTHING if isinstance(self.admission, str) else self.admission

    @property
    def reason(self) -> str | None:
        """Why it was rejected locally; None when it was not."""
        return self.admission if isinstance(self.admission, str) else None

    @property
    def cost(self) -> Decimal:
        """What the whole message was debited."""
        return self.price * self.sending.segmentation.segments

    @property
    def state(self) -> int | None:
        """The state last reached, None while there is none."""
        return self.passages[-1].state if self.passages else None

    @property
    def final_at(self) -> datetime | None:
        """When the final state was reached; None before."""
        return self.passages[-1].at if len(self.passages) == len(self.plan.steps) else None

    @property
    def next_step(self) -> Step | None:
        """The step to come, None after the final one."""
        done = len(self.passages)
        return self.plan.steps[done] if done < len(self.plan.steps) else None

    @property
    def next_step_at(self) -> datetime | None:
        """When the next step is due; None after the final one."""
        upcoming = self.next_step
        return None if upcoming is None else self.sending.accepted_at + upcoming.after


# Reports and their pushes.

Outcome = Literal["pending", "answered", "failed", "abandoned", "cancelled", "no_callback", "lost"]
"""`pending`: due, running or waiting for a retry. `answered`: a 2xx came. `failed`: the only attempt did not succeed.
`abandoned`: all retries are used up. `no_callback`: there was no URL at the time. `lost`: its step says that it is
never pushed.
"""


class Attempt(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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
    """Whether somebody asked for it when the report was done already."""
    tls: TlsFacts | None = None
    """What the handshake with the customer's server settled on, and its certificate; None where there was no answer."""
    repeated: bool = False
    """Whether it went out twice: the server had closed the connection it first went out on, and may have read it."""

    @property
    def succeeded(self) -> bool:
        """Whether it was answered with a 2xx, which ends a report."""
        return self.status is not None and 200 <= self.status < 300


class Report(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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
    repeated: bool = False
    """Whether it went out twice: the server had closed the connection it first went out on, and may have read it."""


# How packets are kept: without keys.


def rings_of(known: KeyRing, key: str | None) -> tuple[KeyRing, ...]:
    """Returns the keys that no finding on a packet may quote: those of all accounts, and the one it came with.

    That one is left out when it is short and no account's: then it may be an ordinary word.
    """
    if key is None or len(key) < SHORTEST_SOUGHT_ANYWHERE or key in known:
        return (known,)
    return known, KeyRing([key])


def without_keys(finding: Finding, known: Sequence[KeyRing]) -> Finding:
    """Returns the finding with fingerprints in place of the keys that it quotes, also where a key was cut off."""
    path, got, want = (hide_in_quotation(text, known) for text in (finding.path, finding.got, finding.want))
    if (path, got, want) == (finding.path, finding.got, finding.want):
        return finding
    return msgspec.structs.replace(finding, path=path, got=got, want=want)


_EMPTY_OBJECT = b"{}"


class KeptPacket(msgspec.Struct, frozen=True, gc=False):
    """What a `Sending` keeps of the packet it came as."""

    body: bytes
    """Its AUTH_KEY masked, and packed where the platform packs bodies."""
    text: str | None
    """The signed text, unless it is read out of the body."""
    route_id: str
    customer_body: bytes | None


def kept_packet_of(
    account: Account, submission: Submission, body: bytes, masked: bytes, key: str, known: KeyRing, *, packs: bool
) -> KeptPacket:
    """Returns what is kept of a submission that came as `body`; `masked` is the body without AUTH_KEYs.

    `key` is the AUTH_KEY it came with, `known` are those of all accounts. `packs`: the body is packed.
    """
    return KeptPacket(
        packed_body(masked) if packs else masked,
        _kept_text(submission, body, masked, key, known),
        _kept_route(account, submission.route_id, key, known),
        # The empty object, which most examples send, is kept once for all requests.
        _EMPTY_OBJECT if submission.customer_body == _EMPTY_OBJECT else submission.customer_body,
    )


def _kept_text(submission: Submission, body: bytes, masked: bytes, key: str, known: KeyRing) -> str | None:
    """Returns the signed text; None for a single message whose text can be read out of the masked body.

    That is so when masking changed nothing but AUTH_KEY's value. A text that many messages share is worth its room.
    """
    if len(submission.destinations) == 1:
        before, _, after = body.partition(key.encode("utf-8", "surrogatepass"))
        if len(masked) >= len(before) + len(after) and masked.startswith(before) and masked.endswith(after):
            return None
    return _without_keys(submission.text, key, known)


def _kept_route(account: Account, route_id: str, key: str, known: KeyRing) -> str:
    """Returns ROUTE_ID as it is kept: the account's own string, or a fingerprint where it holds an AUTH_KEY."""
    if route_id == key:
        return fingerprint(route_id)
    for own in account.routes:
        if own == route_id:
            return own
    return _without_keys(route_id, key, known)


def _without_keys(text: str, key: str, known: KeyRing) -> str:
    """Returns a text without AUTH_KEYs; `key` is masked even if it is no account's."""
    if len(key) >= SHORTEST_SOUGHT_ANYWHERE:
        text = text.replace(key, fingerprint(key)) if key in text else text
    return hide_in_text(text, known)


# How bodies are packed.

WORTH_PACKING = 1024
"""A body of more octets is not packed."""

_WINDOW = -11
"""Raw deflate over 2 KiB: dictionary and body fit, and there is little to set up."""
_LEVEL = 3
_MEMORY = 4
_PACKED = b"\0"
"""A packed body begins with it; no JSON text does."""

_DICTIONARY = (
    b'{"METHOD":"SMS_SEND_REQUEST","TYPE":"REQUEST","SERIAL":1,"TIME":"2026-","AUTH_KEY":"key-","VERSION":"2021-01-01",'
    b'"ROUTE_ID":"VerifyCode_516","ORIGINAL_ADDR":"","SIGNATURE":"","SIGNATURE_TYPE":1,"PRIORITY":0,"REPEAT":0,'
    b'"SMS_CONTENT":"","MULTI_MSISDN_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":""}],"CUSTOMER_BODY":{}}'
    b'"ROUTE_ID": "Notification_516", "Marketing_516", \\u3010\\u3011", "SIGNATURE": "", "SIGNATURE_TYPE": 1, '
    b'"PRIORITY": 0, "ORIGINAL_ADDR": "", "VERSION": "2021-01-01", "REPEAT": 0, "CUSTOMER_BODY": {}}'
    b'{"METHOD": "SMS_SEND_REQUEST", "TYPE": "REQUEST", "SERIAL": 1, "TIME": "2026-01-01 12:00:00", "AUTH_KEY": "key-'
    b'", "ROUTE_ID": "VerifyCode_516", "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "6", "COUNTRY_CODE": '
    b'852}], "SMS_CONTENT": "Your verification code is '
)


def packed_body(body: bytes) -> bytes:
    """Packs a body; the same bytes come back when packing would not make it smaller."""
    if len(body) > WORTH_PACKING or body.startswith(_PACKED):
        return body
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    small = _PACKED + deflate.compress(body) + deflate.flush()
    return small if len(small) < len(body) else body


def unpacked_body(kept: bytes) -> bytes:
    """Returns the body that `packed_body` was given. A body that begins with NUL, as no JSON text does, must not come
    here."""
    if not kept.startswith(_PACKED):
        return kept
    return zlib.decompressobj(_WINDOW, _DICTIONARY).decompress(kept[1:])
