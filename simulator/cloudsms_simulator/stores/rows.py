"""Rows: what a store on disk writes of an account's records, and how it reads them again.

A row has a kind, a key and a blob. `e` is an exchange with the messages and debits that came of it; `m` is what became
of one of its messages since, with its reports and refunds; `l` are other entries of the ledger, the opening one under
`OPENING`; `c` is what a rule has counted; and `s` is a value that many rows share (a connection, a head, a plan, a
profile, the facts of a TLS handshake), under its digest. Keys sort in the order in which rows came.

Rows are packed arrays: a field that is added comes last, and has a default.

Reading: R16.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Literal, NamedTuple, TypeVar

import msgspec

from cloudsms_simulator.engine.account import AccountState
from cloudsms_simulator.engine.billing import LedgerEntry, LedgerReason
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.plan import Plan
from cloudsms_simulator.engine.records import (
    Attempt,
    ConnectionFacts,
    Exchange,
    ExchangeKind,
    Headers,
    Message,
    Outcome,
    ReachedState,
    Report,
    RequestLine,
    Sending,
    TlsFacts,
)
from cloudsms_simulator.engine.transaction import RuleCounter
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import Dcs, Segmentation
from cloudsms_simulator.protocol.timestamps import EPOCH, HONG_KONG, microseconds
from cloudsms_simulator.stores.codec import decode, encode, pack, unpack

RowKind = Literal["s", "e", "l", "m", "c"]

OPENING = "0" * 16
"""The key of the ledger's opening entry."""
_ENTRIES_A_VERSION = 2**16
_MOST_SHARED = 1000
_EPOCH = EPOCH.astimezone(HONG_KONG)

T = TypeVar("T")


class Row(NamedTuple):
    """A row to be written; without a blob, one to be deleted."""

    kind: RowKind
    key: str
    blob: bytes | None = None


# What is in the blobs.


class EntryRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An entry of the ledger; `order` is its place in it."""

    order: int
    uid: str | None
    reason: LedgerReason
    amount: Decimal
    balance: Decimal
    at: int


class NewMessageRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A message as it was accepted: it has a price, or the reason it was rejected for."""

    uid: str
    country_code: int
    msisdn: str
    price: Decimal | None
    reason: str | None
    plan: str
    rule: str | None
    passages: tuple[tuple[int, int], ...] = ()
    settled: bool = False


class SendingRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What messages of an exchange share."""

    serial: int
    route_id: str
    source: str
    segmentation: tuple[Dcs, int, int]
    currency: Currency
    profile: str
    metered: bool
    customer_body: bytes | None
    kept_text: str | None
    places: tuple[int, ...] | None


class ExchangeRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An exchange, its new messages, and what they were debited."""

    kind: ExchangeKind
    received_at: int
    connection: str | None
    head: str | None
    http_status: int | None
    code: ResultCode | None
    body: bytes
    answer: bytes | None
    findings: bytes | None
    surplus: bool
    rule: str | None
    fault: str | None
    accepted: str | tuple[str, ...]
    sending: SendingRow | None
    messages: tuple[NewMessageRow, ...]
    entries: tuple[EntryRow, ...]


class AttemptRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One push of a report."""

    serial: int
    at: int
    url: str
    request: bytes
    status: int | None
    body: bytes
    error: str | None
    findings: bytes | None
    fault: PushFault | None
    resent: bool
    tls: str | None
    repeated: bool


class ReportRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A report of a message."""

    state: int
    reached_at: int
    outcome: Outcome
    next_attempt_at: int | None
    attempts: tuple[AttemptRow, ...]
    findings: bytes | None
    resend: bool


class ProgressRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What became of a message since it was accepted."""

    plan: str
    passages: tuple[tuple[int, int], ...]
    refunded: bool
    settled: bool
    rule: str | None
    reports: tuple[ReportRow, ...]
    entries: tuple[EntryRow, ...]


class StateRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What moves of an account, and how much of it was evicted."""

    standing: AccountState
    evicted_exchanges: int = 0
    evicted_messages: int = 0
    evicted_reports: int = 0


class _Head(msgspec.Struct, frozen=True):
    line: RequestLine | None
    headers: Headers


_NO_HEAD = _Head(None, ())


class SharedValues:
    """The values that the rows of an account share, by their keys.

    A value is written before the first row that names it, and deleted when it is found to be in none. `kept` says that
    what is to be written was; what was not is written again the next time.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, object] = {}
        self._keys: dict[int, tuple[str, object]] = {}
        """By identity, each beside the value, which so keeps its identity."""
        self._blobs: dict[str, msgspec.Raw] = {}
        """Those that were read and not yet asked for."""
        self._unwritten: dict[str, Row] = {}

    def key(self, value: object) -> str:
        """The key of a value, which is written if there is none yet."""
        known = self._keys.get(id(value))
        if known is not None:
            return known[0]
        blob = bytes(encode(value))
        key = blake2b(blob, digest_size=12).hexdigest()
        if key not in self._by_key and key not in self._blobs:
            self._unwritten[key] = Row("s", key, blob)
        self._by_key.setdefault(key, value)
        if len(self._keys) > _MOST_SHARED + 2 * len(self._by_key):
            self._forget_twins()
        self._keys[id(value)] = key, value
        return key

    def _forget_twins(self) -> None:
        """Forgets values that are equal to others: there may be one for each connection, or for each message."""
        self._keys = {id(value): (key, value) for key, value in self._by_key.items()}

    def read(self, key: str, blob: bytes) -> None:
        """Takes a value that was written."""
        if key not in self._by_key:
            self._blobs[key] = msgspec.Raw(blob)

    def value(self, key: str, kind: type[T]) -> T:
        """The value of a key, the same object each time. KeyError when there is none."""
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = decode(self._blobs.pop(key), kind)
            self._keys[id(found)] = key, found
        assert isinstance(found, kind)
        return found

    def unwritten(self) -> list[Row]:
        """The values that are still to be written, and those to be deleted."""
        return list(self._unwritten.values())

    def kept(self, rows: Iterable[Row]) -> None:
        """These were written."""
        for row in rows:
            if row.kind == "s":
                self._unwritten.pop(row.key, None)

    def keep_only(self, used: Set[str | None]) -> None:
        """Forgets all values but those of these keys, and has them deleted."""
        for key in [key for key in (*self._by_key, *self._blobs) if key not in used]:
            self._by_key.pop(key, None)
            self._blobs.pop(key, None)
            self._unwritten[key] = Row("s", key)
        self._forget_twins()

    def __len__(self) -> int:
        return len(self._by_key) + len(self._blobs)


class AccountRows:
    """Turns the records of one account into rows and back. `account` is its name, None for what is nobody's."""

    def __init__(self, account: str | None) -> None:
        self.account = account
        self.shared = SharedValues()
        self.refunds: dict[str, tuple[EntryRow, ...]] = {}
        """Entries of the ledger that are in the rows of messages, by SMS_UID."""
        self.most_shared = _MOST_SHARED
        """With more shared values, those that nothing has any more are looked for."""
        self._heads: dict[int, _Head] = {}

    # Writing

    def exchange(self, exchange: Exchange, messages: Iterable[Message], entries: tuple[EntryRow, ...]) -> Row:
        """An exchange with the messages and entries of the ledger that came of it."""
        shared = self.shared
        sending: SendingRow | None = None
        if isinstance(exchange, Sending):
            cut = exchange.segmentation
            sending = SendingRow(
                exchange.serial,
                exchange.route_id,
                exchange.source,
                (cut.dcs, cut.length, cut.segments),
                exchange.currency,
                shared.key(exchange.profile),
                exchange.metered,
                exchange.customer_body,
                exchange.kept_text,
                exchange.places,
            )
        row = ExchangeRow(
            exchange.kind,
            microseconds(exchange.received_at),
            None if exchange.connection is None else shared.key(exchange.connection),
            self._head_key(exchange),
            exchange.http_status,
            exchange.code,
            exchange.kept_body,
            exchange.answer,
            _findings_out(exchange.findings),
            exchange.surplus,
            exchange.rule,
            exchange.fault,
            exchange.accepted if sending is None else (),
            sending,
            tuple(map(self._new_message, messages)),
            entries,
        )
        return Row("e", number_key(exchange.id), pack(row))

    def _new_message(self, message: Message) -> NewMessageRow:
        reason = message.reason
        return NewMessageRow(
            message.uid,
            message.country_code,
            message.msisdn,
            message.price if reason is None else None,
            reason,
            self.shared.key(message.plan),
            message.rule,
            _passages_out(message.passages),
            message.settled,
        )

    def progress(self, message: Message, reports: Sequence[Report], entries: tuple[EntryRow, ...]) -> Row:
        """What became of a message, with its reports and the entries of the ledger that came of that."""
        row = ProgressRow(
            self.shared.key(message.plan),
            _passages_out(message.passages),
            message.refunded,
            message.settled,
            message.rule,
            tuple(map(self._report, reports)),
            entries,
        )
        return Row("m", message.uid, pack(row))

    def _report(self, report: Report) -> ReportRow:
        return ReportRow(
            report.state,
            microseconds(report.reached_at),
            report.outcome,
            None if report.next_attempt_at is None else microseconds(report.next_attempt_at),
            tuple(map(self._attempt, report.attempts)),
            _findings_out(report.findings or None),
            report.resend,
        )

    def _attempt(self, attempt: Attempt) -> AttemptRow:
        return AttemptRow(
            attempt.serial,
            microseconds(attempt.at),
            attempt.url,
            attempt.request,
            attempt.status,
            attempt.body,
            attempt.error,
            _findings_out(attempt.findings or None),
            attempt.fault,
            attempt.resent,
            None if attempt.tls is None else self.shared.key(attempt.tls),
            attempt.repeated,
        )

    def _head_key(self, exchange: Exchange) -> str | None:
        line, headers = exchange.line, exchange.headers
        if line is None and not headers:
            return None
        head = self._heads.get(id(headers))
        if head is None or head.line != line or head.headers is not headers:
            if len(self._heads) > 1000:
                self._heads.clear()
            head = self._heads[id(headers)] = _Head(line, headers)
        return self.shared.key(head)

    # Reading

    def read_exchange(self, key: str, blob: bytes) -> tuple[Exchange, list[Message], tuple[EntryRow, ...]]:
        """The exchange of a row, its messages as they were accepted, and its entries of the ledger."""
        row, shared = unpack(blob, ExchangeRow), self.shared
        head = _NO_HEAD if row.head is None else shared.value(row.head, _Head)
        connection = None if row.connection is None else shared.value(row.connection, ConnectionFacts)
        sending = row.sending
        if sending is None:
            exchange = Exchange(
                int(key),
                self.account,
                row.kind,
                moment_of(row.received_at),
                connection,
                head.headers,
                row.http_status,
                row.code,
                row.body,
                row.answer,
                _findings_in(row.findings),
                row.accepted,
                row.surplus,
                row.rule,
                row.fault,
                head.line,
            )
            return exchange, [], row.entries
        uids = tuple([each.uid for each in row.messages])
        exchange = Sending(
            id=int(key),
            account=self.account,
            kind=row.kind,
            received_at=moment_of(row.received_at),
            connection=connection,
            headers=head.headers,
            http_status=row.http_status,
            code=row.code,
            kept_body=row.body,
            answer=row.answer,
            findings=_findings_in(row.findings),
            accepted=uids[0] if len(uids) == 1 else uids,
            surplus=row.surplus,
            rule=row.rule,
            fault=row.fault,
            line=head.line,
            serial=sending.serial,
            route_id=sending.route_id,
            source=sending.source,
            segmentation=Segmentation(*sending.segmentation),
            currency=sending.currency,
            profile=shared.value(sending.profile, Profile),
            metered=sending.metered,
            customer_body=sending.customer_body,
            kept_text=sending.kept_text,
            places=sending.places,
        )
        messages = [
            Message(
                uid=each.uid,
                sending=exchange,
                country_code=each.country_code,
                msisdn=each.msisdn,
                admission=_admission_in(each),
                plan=shared.value(each.plan, Plan),
                passages=_passages_in(each.passages),
                settled=each.settled,
                rule=each.rule,
            )
            for each in row.messages
        ]
        return exchange, messages, row.entries

    def read_progress(self, message: Message, blob: bytes) -> tuple[Message, tuple[Report, ...], tuple[EntryRow, ...]]:
        """A message as it became, its reports, and the entries of the ledger of the row."""
        row = unpack(blob, ProgressRow)
        changed = msgspec.structs.replace(
            message,
            plan=self.shared.value(row.plan, Plan),
            passages=_passages_in(row.passages),
            refunded=row.refunded,
            settled=row.settled,
            rule=row.rule,
        )
        reports = [self._read_report(message.uid, number, each) for number, each in enumerate(row.reports, 1)]
        return changed, tuple(reports), row.entries

    def _read_report(self, uid: str, number: int, row: ReportRow) -> Report:
        assert self.account is not None
        return Report(
            uid,
            number,
            self.account,
            row.state,
            moment_of(row.reached_at),
            row.outcome,
            None if row.next_attempt_at is None else moment_of(row.next_attempt_at),
            tuple(map(self._read_attempt, row.attempts)),
            _findings_in(row.findings) or (),
            row.resend,
        )

    def _read_attempt(self, row: AttemptRow) -> Attempt:
        return Attempt(
            row.serial,
            moment_of(row.at),
            row.url,
            row.request,
            row.status,
            row.body,
            row.error,
            _findings_in(row.findings) or (),
            row.fault,
            row.resent,
            None if row.tls is None else self.shared.value(row.tls, TlsFacts),
            row.repeated,
        )

    def read_entry(self, row: EntryRow) -> LedgerEntry:
        """The entry of the ledger in a row."""
        assert self.account is not None
        return LedgerEntry(self.account, row.uid, row.reason, row.amount, row.balance, moment_of(row.at))

    def tidy(self, exchanges: Iterable[Exchange], messages: Iterable[Message], reports: Iterable[Report]) -> None:
        """Has shared values deleted that none of these records has, where nothing else is kept."""
        used: set[str | None] = set()
        key = self.shared.key
        for exchange in exchanges:
            used.add(self._head_key(exchange))
            if exchange.connection is not None:
                used.add(key(exchange.connection))
            if isinstance(exchange, Sending):
                used.add(key(exchange.profile))
        used.update([key(message.plan) for message in messages])
        used.update([key(each.tls) for report in reports for each in report.attempts if each.tls is not None])
        self.shared.keep_only(used)
        self.most_shared = max(_MOST_SHARED, 2 * len(self.shared))


def number_key(number: int) -> str:
    """The key of what has a number: that of an exchange, or the version it was written in. Keys sort as numbers do."""
    return f"{number:016d}"


def order_of(version: int, place: int) -> int:
    """The place in the ledger of an entry that a step made."""
    return version * _ENTRIES_A_VERSION + place


def entry_row(entry: LedgerEntry, order: int) -> EntryRow:
    """An entry of the ledger as rows have it."""
    return EntryRow(order, entry.uid, entry.reason, entry.amount, entry.balance, microseconds(entry.at))


def ledger_row(key: str, entries: tuple[EntryRow, ...]) -> Row:
    """Entries of the ledger that belong to no message."""
    return Row("l", key, pack(entries))


def read_ledger(blob: bytes) -> tuple[EntryRow, ...]:
    """The entries of such a row."""
    return unpack(blob, tuple[EntryRow, ...])


def count_rows(counts: Mapping[RuleCounter, int]) -> list[Row]:
    """What rules have counted."""
    return [Row("c", count_key(counter), pack((*counter, count))) for counter, count in counts.items()]


def read_count(blob: bytes) -> tuple[RuleCounter, int]:
    """What a rule has counted."""
    what, rule, recipient, count = unpack(blob, tuple[str, str, str, int])
    return (what, rule, recipient), count


def count_key(counter: RuleCounter) -> str:
    """The key of a count."""
    return blake2b("\0".join(counter).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def moment_of(since_epoch: int) -> datetime:
    """The moment so many microseconds after 1970, in Hong Kong's zone."""
    return _EPOCH + timedelta(microseconds=since_epoch)


def _findings_out(findings: tuple[Finding, ...] | None) -> bytes | None:
    return None if findings is None else bytes(encode(findings))


def _findings_in(said: bytes | None) -> tuple[Finding, ...] | None:
    return None if said is None else decode(said, tuple[Finding, ...])


def _admission_in(row: NewMessageRow) -> Decimal | str:
    if row.reason is not None:
        return row.reason
    assert row.price is not None
    return row.price


def _passages_out(passages: tuple[ReachedState, ...]) -> tuple[tuple[int, int], ...]:
    return tuple([(each.state, microseconds(each.at)) for each in passages])


def _passages_in(passages: tuple[tuple[int, int], ...]) -> tuple[ReachedState, ...]:
    return tuple([ReachedState(state, moment_of(at)) for state, at in passages])
