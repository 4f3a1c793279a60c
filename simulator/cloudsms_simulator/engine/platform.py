"""The platform: the only place that knows the order of the stages.

Each method is one step on one transaction; the caller begins it, and commits it before anybody hears of its outcome.

Spec: CloudSMS Business Process. Reading: R16.
"""

from datetime import datetime
from itertools import islice

import msgspec

from cloudsms_simulator.engine import outcomes
from cloudsms_simulator.engine.acceptance import accept, overall, refused_with_others, sending_of
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.connection import Connection, Headers
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.echo import echoed_serial, echoes_of, items_of
from cloudsms_simulator.engine.exchange import MOST_FINDINGS, Exchange, Kind
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Push, PushResult
from cloudsms_simulator.engine.secrecy import without_key
from cloudsms_simulator.engine.throttle import refuse_beyond_queue, within_rate
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.answer import Answer, AnswerItem, encode
from cloudsms_simulator.protocol.candidate import Candidate, Refusal, candidate_of, readable_key, submission_of
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.masking import mask
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.sms_uid import UidSequence, issue
from cloudsms_simulator.protocol.validation import (
    ACCOUNT_CHECKS,
    DESTINATION_CHECKS,
    REQUEST_CHECKS,
    diagnose,
    first_refusal,
    gateway_refusal,
)


class Arrival(msgspec.Struct, frozen=True):
    """A request as it came: its bytes, the connection it came on, and whether bytes followed that were none of it.

    `headers` have their AUTH_KEYs masked already: they are the same from request to request, bodies are not.
    """

    body: bytes
    connection: Connection | None = None
    headers: Headers = ()
    surplus: bool = False


class Identified(msgspec.Struct, frozen=True):
    """A decoded request, the AUTH_KEY it carries, and the account that has it."""

    candidate: Candidate
    account: Account | None
    key: str | None


class Reply(msgspec.Struct, frozen=True):
    """What goes back: the answer's bytes, or None when the connection is closed without one."""

    body: bytes | None
    code: ResultCode | None
    request_id: int
    first_due: datetime | None = None
    """When the first report is due on the account's clock, None when none is."""


class Platform:
    """Decides. Holds the accounts and the profile of what belongs to none; everything else is in the transactions."""

    def __init__(self, directory: Directory, profile: Profile, node: int = 0) -> None:
        self.directory = directory
        self.profile = profile
        self._own_uids = UidSequence(node)
        """For answers that no transaction stands behind; `node` is no account's."""

    def identify(self, body: bytes) -> Identified:
        """Decodes a body and finds the account it belongs to, so that its transaction can be begun."""
        decoded = uip.decode(body)
        key = readable_key(decoded.packet)
        account = None if key is None else self.directory.find(key)
        return Identified(candidate_of(decoded, account, self.profile), account, key)

    def receive(self, transaction: Transaction, identified: Identified, arrival: Arrival, now: datetime) -> Reply:
        """Judges a request; what is accepted is in the transaction with its debits and reports when this returns."""
        candidate, account = identified.candidate, identified.account
        refusal = gateway_refusal(candidate)
        if refusal is not None or account is None:
            return self._refuse(transaction, candidate, arrival, now, refusal or _nobody(), by_gateway=True)
        if arrival.connection is not None and not account.admits(arrival.connection.host):
            return self._close(transaction, candidate, arrival, now)
        refusal = within_rate(transaction, account, now) or first_refusal(REQUEST_CHECKS, candidate)
        if refusal is not None:
            return self._refuse(transaction, candidate, arrival, now, refusal)
        first_refusal(DESTINATION_CHECKS, candidate)
        refuse_beyond_queue(transaction, account, candidate)
        first_refusal(ACCOUNT_CHECKS, candidate)
        return self._accept(transaction, account, candidate, arrival, now)

    def note(
        self,
        transaction: Transaction,
        kind: Kind,
        arrival: Arrival,
        now: datetime,
        finding: Finding,
        http_status: int | None = None,
        answer: bytes | None = None,
        code: ResultCode | None = None,
    ) -> None:
        """Keeps an exchange no check decided on: another path, an unfinished body, a refused handshake, our failure."""
        transaction.exchange = Exchange(
            transaction.request_id,
            None if transaction.account is None else transaction.account.name,
            kind,
            now,
            arrival.connection,
            arrival.headers,
            http_status,
            code,
            mask(arrival.body, None),
            answer,
            (finding,),
            surplus=arrival.surplus,
        )

    def fail(self, identified: Identified | None, now: datetime, code: ResultCode) -> Reply:
        """The answer when the simulator itself is at fault. Touches no transaction, since anything may be broken."""
        if identified is None:
            return Reply(encode(Answer(0, now, code, ()), self.profile), code, 0)
        candidate = identified.candidate
        echoes = echoes_of(candidate)
        self._own_uids, uids = issue(self._own_uids, now, len(echoes), candidate.profile.uid_style)
        told = zip(echoes, uids, strict=True)
        items = tuple(AnswerItem(each.country_code, each.msisdn, uid, code) for each, uid in told)
        return Reply(encode(Answer(echoed_serial(candidate), now, code, items), candidate.profile), code, 0)

    def take_due(self, transaction: Transaction, uids: list[str], now: datetime) -> list[Push]:
        """Brings messages up to `now`, in the order given, and returns the pushes to make."""
        account = transaction.account
        assert account is not None
        pushes = [outcomes.look_at(transaction, account, uid, now) for uid in dict.fromkeys(uids)]
        return [push for push in pushes if push is not None]

    def record_push(self, transaction: Transaction, push: Push, result: PushResult, now: datetime) -> None:
        """Keeps what came of a push, and plans the next attempt if the account says so."""
        account = transaction.account
        assert account is not None
        outcomes.record(transaction, account, push, result, now)

    def _accept(
        self, transaction: Transaction, account: Account, candidate: Candidate, arrival: Arrival, now: datetime
    ) -> Reply:
        submission = submission_of(candidate)
        count = len(submission.destinations)
        code, verdicts = overall(submission.verdicts, count, account.profile)
        if verdicts:
            candidate.findings += refused_with_others(submission.verdicts, verdicts)
        sequence, uids = issue(transaction.standing.uids, now, count, account.profile.uid_style)
        indices = [index for index in range(count) if index not in verdicts] if verdicts else range(count)
        sending = sending_of(account, submission, transaction.request_id, now, candidate.packet.auth_key)
        accepted = accept(account, submission, sending, indices, uids, transaction.standing.balance)
        messages = accepted.messages
        transaction.standing = msgspec.structs.replace(
            transaction.standing,
            uids=sequence,
            balance=accepted.balance,
            outstanding=transaction.standing.outstanding + len(messages),
        )
        transaction.new_messages = messages
        transaction.entries += accepted.entries
        first_due = _wake(transaction, messages, now)
        answer = encode(Answer(submission.serial, now, code, items_of(submission, uids, verdicts)), account.profile)
        transaction.exchange = Exchange(
            transaction.request_id,
            account.name,
            "uip",
            now,
            arrival.connection,
            arrival.headers,
            200,
            code,
            self.directory.masked(arrival.body, account, readable_key(candidate.packet) or ""),
            answer if verdicts else None,
            self._findings(transaction, candidate, arrival, now, tuple(candidate.findings)) if verdicts else None,
            uids if len(messages) == count else tuple([message.uid for message in messages]),
            arrival.surplus,
        )
        return Reply(answer, code, transaction.request_id, first_due)

    def _refuse(
        self,
        transaction: Transaction,
        candidate: Candidate,
        arrival: Arrival,
        now: datetime,
        refusal: Refusal,
        *,
        by_gateway: bool = False,
    ) -> Reply:
        destinations = echoes_of(candidate)
        sequence, uids = issue(transaction.standing.uids, now, len(destinations), candidate.profile.uid_style)
        transaction.standing = msgspec.structs.replace(transaction.standing, uids=sequence)
        items = tuple(
            AnswerItem(destination.country_code, destination.msisdn, uid, refusal.code)
            for destination, uid in zip(destinations, uids, strict=True)
        )
        answer = encode(Answer(echoed_serial(candidate), now, refusal.code, items, by_gateway), candidate.profile)
        transaction.exchange = Exchange(
            transaction.request_id,
            None if transaction.account is None else transaction.account.name,
            "uip",
            now,
            arrival.connection,
            arrival.headers,
            200,
            refusal.code,
            mask(arrival.body, readable_key(candidate.packet)),
            answer,
            self._findings(transaction, candidate, arrival, now, refusal.findings),
            surplus=arrival.surplus,
        )
        return Reply(answer, refusal.code, transaction.request_id)

    def _close(self, transaction: Transaction, candidate: Candidate, arrival: Arrival, now: datetime) -> Reply:
        host = arrival.connection.host if arrival.connection is not None else "nobody"
        masked = msgspec.structs.replace(arrival, body=mask(arrival.body, readable_key(candidate.packet)))
        want = "an address on the account's whitelist"
        self.note(transaction, "closed", masked, now, found("source-not-whitelisted", "connection", Told(host), want))
        return Reply(None, None, transaction.request_id)

    def _findings(
        self,
        transaction: Transaction,
        candidate: Candidate,
        arrival: Arrival,
        now: datetime,
        first: tuple[Finding, ...],
    ) -> tuple[Finding, ...]:
        real = transaction.standing.clock.is_real
        told = diagnose(candidate, Circumstances(arrival.body, arrival.headers, now, real))
        key = readable_key(candidate.packet)
        kept = islice(dict.fromkeys((*first, *told)), MOST_FINDINGS)
        return tuple(without_key(each, key) for each in kept)


def _nobody() -> Refusal:
    raise AssertionError("check 9 refuses a packet without an account")


def _wake(transaction: Transaction, messages: tuple[Message, ...], now: datetime) -> datetime | None:
    """Has each new message looked at when its first step is due; when that is, for the earliest of them."""
    plan, due, first = None, now, None
    for message in messages:
        if message.plan is not plan:
            plan = message.plan
            due = now + plan.steps[0].after
            first = due if first is None or due < first else first
        transaction.wakes.append((due, message.uid))
    return first
