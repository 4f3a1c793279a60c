"""The platform: the only place that knows the order of the stages.

Each method that takes a transaction decides within a step, which is kept before anybody hears of its outcome. A request
goes through `identify`, `check` and `receive`; a due message through `take_due`, and its push through `record_push`;
`force` and `resend` are what somebody asks for by hand; `note` and `fail` are for what no check decided on.

Spec: CloudSMS Business Process. Reading: R16.
"""

import msgspec

from cloudsms_simulator.engine import delivery
from cloudsms_simulator.engine.acceptance import accept, places_of, refused_with_others
from cloudsms_simulator.engine.account import Account, AccountDirectory
from cloudsms_simulator.engine.delivery import Conflict, ForceRequest, ForceResult
from cloudsms_simulator.engine.evaluation import (
    NO_EVALUATION,
    Evaluation,
    answer_received,
    evaluate,
    is_reported_before,
    name_of_fault,
    needs_evaluation,
    reported_before,
    status_received,
)
from cloudsms_simulator.engine.records import (
    Exchange,
    ExchangeKind,
    KeptPacket,
    Message,
    Push,
    PushResult,
    Report,
    Sending,
    kept_packet_of,
    without_keys,
)
from cloudsms_simulator.engine.refusal import (
    answer_without_keys,
    diagnosis_of,
    findings_at_once,
    record_unprocessed,
    refuse_beyond_queue,
    refuse_packet,
    with_findings_first,
    within_rate,
)
from cloudsms_simulator.engine.transaction import Arrival, Checked, Diagnosis, Identified, Reply, Transaction
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.answer import (
    AllAccepted,
    Answer,
    AnswerItem,
    UidSequence,
    echoed_serial,
    echoes_of,
    encode_accepted,
    encode_answer,
    issue_uids,
    items_of,
)
from cloudsms_simulator.protocol.candidate import (
    Candidate,
    Refusal,
    candidate_of,
    overall_code,
    readable_key,
    submission_of,
)
from cloudsms_simulator.protocol.checks import (
    ACCOUNT_CHECKS,
    DESTINATION_CHECKS,
    first_refusal,
    gateway_refusal,
    request_refusal,
)
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.masking import mask
from cloudsms_simulator.protocol.packet import Submission
from cloudsms_simulator.protocol.profile import Profile


class Platform:
    """Decides what becomes of requests, messages and pushes.

    It holds the accounts, and the profile for exchanges that belong to none; everything else is in the transactions.
    """

    def __init__(
        self, directory: AccountDirectory, profile: Profile, node: int = 0, *, packs_bodies: bool = False
    ) -> None:
        self.directory = directory
        self.profile = profile
        self._packs_bodies = packs_bodies
        """Whether kept bodies are packed, which is worth its time where very many are kept."""
        self._own_uids = UidSequence(node)
        """For answers that no transaction stands behind; `node` is no account's."""

    def identify(self, body: bytes) -> Identified:
        """Decodes a body and finds the account it belongs to, so that its transaction can be begun."""
        decoded = packet.decode(body)
        key = readable_key(decoded.packet)
        account = None if key is None else self.directory.find(key)
        return Identified(candidate_of(decoded, account, self.profile), account, key)

    def check(self, identified: Identified, body: bytes) -> Checked:
        """Runs the checks. They read nothing that another request can change, so that many can be checked in a row.

        18 and 19 have to wait for `receive` where the queue of pending reports, which comes before them, has a limit.
        """
        candidate, account = identified.candidate, identified.account
        refusal = gateway_refusal(candidate)
        if refusal is not None or account is None:
            return Checked(identified, refusal or _nobody(), by_gateway=True)
        refusal = request_refusal(candidate)
        if refusal is not None:
            return Checked(identified, refusal, needs_evaluation=needs_evaluation(account, candidate))
        first_refusal(DESTINATION_CHECKS, candidate)
        if account.pending_limit is None:
            first_refusal(ACCOUNT_CHECKS, candidate)
        submission = submission_of(candidate)
        key = identified.key or ""
        masked = self.directory.masked(body, account, key)
        kept = kept_packet_of(account, submission, body, masked, key, self.directory.keys, packs=self._packs_bodies)
        return Checked(
            identified,
            needs_evaluation=needs_evaluation(account, candidate),
            submission=submission,
            kept_packet=kept,
        )

    def diagnosed(self, checked: Checked, arrival: Arrival, now: datetime, *, clock_is_real: bool) -> Checked:
        """Adds to a packet that the checks refuse what is kept of it, which takes its time where the body is long.

        It reads nothing that another request can change; `receive` works out what this was not called for. `now` is
        about when the packet came. What is not refused comes back as it is.
        """
        refusal, candidate = checked.refusal, checked.identified.candidate
        if refusal is None:
            return checked
        known = self.directory.keys
        diagnosis = diagnosis_of(candidate, arrival, now, refusal.findings, known, clock_is_real=clock_is_real)
        return msgspec.structs.replace(checked, diagnosis=diagnosis)

    def receive(self, transaction: Transaction, checked: Checked, arrival: Arrival, now: datetime) -> Reply:
        """Decides on a request; what is accepted is in the transaction with its debits and reports when this returns.

        What the checks found counts in its place: that of checks 10 and on behind the whitelist and the rate limit.
        The request stays as the checks left it, so that this can be called again with another transaction.
        """
        candidate, account = checked.identified.candidate, checked.identified.account
        refusal, known, diagnosis = checked.refusal, self.directory.keys, checked.diagnosis
        if account is None or checked.by_gateway:
            refusal = refusal or _nobody()
            return refuse_packet(
                transaction, candidate, arrival, now, refusal, known=known, by_gateway=True, diagnosis=diagnosis
            )
        if arrival.connection is not None and not account.admits(arrival.connection.host):
            return self._close(transaction, candidate, arrival, now, diagnosis)
        busy = within_rate(transaction, account, now)
        if busy is not None:
            told = with_findings_first(diagnosis, busy.findings, known)
            return refuse_packet(transaction, candidate, arrival, now, busy, known=known, diagnosis=told)
        submission, as_checked = checked.submission, candidate
        if submission is not None and (
            checked.needs_evaluation or account.pending_limit is not None or candidate.verdicts
        ):
            # There may be more verdicts from here on, and a step may have to decide again on what the checks left.
            verdicts, findings = candidate.verdicts.copy(), candidate.findings.copy()
            candidate = msgspec.structs.replace(candidate, verdicts=verdicts, findings=findings)
            submission = msgspec.structs.replace(submission, verdicts=verdicts)
            if account.pending_limit is not None:
                refuse_beyond_queue(transaction, account.pending_limit, candidate)
                first_refusal(ACCOUNT_CHECKS, candidate)
        evaluation = NO_EVALUATION
        if checked.needs_evaluation:
            evaluation = evaluate(transaction, account, candidate, now, refused=submission is None)
        fault = evaluation.fault
        if fault is not None and not fault.processed:
            return record_unprocessed(transaction, as_checked, arrival, now, fault, known=known, diagnosis=diagnosis)
        if refusal is not None:
            return refuse_packet(
                transaction, candidate, arrival, now, refusal, known=known, fault=fault, diagnosis=diagnosis
            )
        kept = checked.kept_packet
        assert submission is not None, "what is not refused is a submission"
        assert kept is not None, "what is not refused is kept"
        return self._accept(transaction, account, candidate, submission, kept, arrival, now, evaluation)

    def note(
        self,
        transaction: Transaction,
        kind: ExchangeKind,
        arrival: Arrival,
        now: datetime,
        finding: Finding,
        http_status: int | None = None,
        answer: bytes | None = None,
        code: ResultCode | None = None,
        more: tuple[Finding, ...] = (),
    ) -> None:
        """Keeps an exchange no check decided on: another path, an unfinished body, a refused handshake, our failure.

        `finding` is what decided, `more` what else is worth telling.
        """
        transaction.exchange = Exchange(
            transaction.request_id,
            None if transaction.account is None else transaction.account.name,
            kind,
            now,
            arrival.connection,
            arrival.headers,
            http_status,
            code,
            mask(arrival.body, None, self.directory.keys),
            answer_without_keys(answer, self.directory.keys),
            tuple(without_keys(each, (self.directory.keys,)) for each in (finding, *more)),
            surplus=arrival.surplus,
            line=arrival.line,
        )

    def fail(self, identified: Identified | None, now: datetime, code: ResultCode) -> Reply:
        """The answer when the simulator itself is at fault. Touches no transaction, since anything may be broken."""
        if identified is None:
            return Reply(encode_answer(Answer(0, now, code, ()), self.profile), code, 0)
        candidate = identified.candidate
        echoes = echoes_of(candidate)
        self._own_uids, uids = issue_uids(self._own_uids, now, len(echoes), candidate.profile.uid_style)
        told = zip(echoes, uids, strict=True)
        items = tuple(AnswerItem(each.country_code, each.msisdn, uid, code) for each, uid in told)
        return Reply(encode_answer(Answer(echoed_serial(candidate), now, code, items), candidate.profile), code, 0)

    def take_due(self, transaction: Transaction, uids: list[str], now: datetime) -> list[Push]:
        """Brings messages up to `now`, in the order given, and returns the pushes to make."""
        account = transaction.account
        assert account is not None
        pushes = [delivery.advance_message(transaction, account, uid, now) for uid in dict.fromkeys(uids)]
        return [push for push in pushes if push is not None]

    def record_push(self, transaction: Transaction, push: Push, result: PushResult, now: datetime) -> None:
        """Keeps what came of a push, and plans the next attempt if the account says so."""
        account = transaction.account
        assert account is not None
        delivery.record_attempt(transaction, account, push, result, now, self.directory.keys)

    def force(self, transaction: Transaction, uid: str, request: ForceRequest, now: datetime) -> ForceResult | Conflict:
        """Forces a state on a message that the step was called for."""
        account = transaction.account
        assert account is not None
        return delivery.force_state(transaction, account, uid, request, now)

    def resend(self, transaction: Transaction, uid: str, number: int, now: datetime) -> Report | Conflict:
        """Has a report pushed once more, of a message that the step was called for."""
        account = transaction.account
        assert account is not None
        return delivery.resend_report(transaction, account, uid, number, now)

    def _accept(
        self,
        transaction: Transaction,
        account: Account,
        candidate: Candidate,
        submission: Submission,
        kept: KeptPacket,
        arrival: Arrival,
        now: datetime,
        evaluation: Evaluation,
    ) -> Reply:
        fault, decisions = evaluation.fault, evaluation.decisions
        destinations, serial, profile = submission.destinations, submission.serial, account.profile
        count = len(destinations)
        code, verdicts = overall_code(submission.verdicts, count, profile)
        state = transaction.standing
        sequence, uids = issue_uids(state.uids, now, count, profile.uid_style)
        answer: bytes | AllAccepted = AllAccepted(serial, now, destinations, uids, profile)
        kept_answer, findings, places, told = None, None, None, uids
        if verdicts:
            candidate.findings += refused_with_others(submission.verdicts, verdicts)
            answer = encode_answer(Answer(serial, now, code, items_of(submission, uids, verdicts)), profile)
            known = self.directory.keys
            kept_answer = answer_without_keys(answer, known)
            findings = findings_at_once(
                candidate, arrival, now, tuple(candidate.findings), known, clock_is_real=state.clock.is_real
            )
            places = places_of(verdicts, count)
            told = tuple([uids[place] for place in places])
        if fault is not None:
            kept_answer = answer_received(fault, encode_accepted(answer) if isinstance(answer, AllAccepted) else answer)
            kept_answer = answer_without_keys(kept_answer, self.directory.keys)
        sending = Sending(
            transaction.request_id,
            account.name,
            "uip",
            now,
            arrival.connection,
            arrival.headers,
            200 if fault is None else status_received(fault),
            code,
            kept.body,
            kept_answer,
            findings,
            told[0] if len(told) == 1 else told,
            arrival.surplus,
            evaluation.rule,
            None if fault is None else name_of_fault(fault),
            arrival.line,
            serial=serial,
            route_id=kept.route_id,
            source=submission.sender or account.default_sender,
            segmentation=submission.segmentation,
            currency=account.currency,
            metered=state.balance is not None,
            profile=profile,
            customer_body=kept.customer_body,
            kept_text=kept.text,
            places=places,
        )
        acceptance = accept(account, submission, sending, uids, state.balance, decisions)
        transaction.standing = msgspec.structs.replace(
            state,
            uids=sequence,
            balance=acceptance.balance,
            outstanding=state.outstanding + len(acceptance.messages),
        )
        transaction.exchange = sending
        transaction.new_messages = acceptance.messages
        transaction.entries += acceptance.entries
        transaction.rejected = acceptance.rejected
        first_due, comes_before = _wake(transaction, acceptance.messages, now)
        before = reported_before(acceptance.messages) if comes_before else ()
        return Reply(answer, code, transaction.request_id, first_due, fault, before)

    def _close(
        self,
        transaction: Transaction,
        candidate: Candidate,
        arrival: Arrival,
        now: datetime,
        diagnosis: Diagnosis | None,
    ) -> Reply:
        host = arrival.connection.host if arrival.connection is not None else "nobody"
        body = diagnosis.body if diagnosis else mask(arrival.body, readable_key(candidate.packet), self.directory.keys)
        masked = msgspec.structs.replace(arrival, body=body)
        want = "an address on the account's whitelist"
        self.note(transaction, "closed", masked, now, found("source-not-whitelisted", "connection", Told(host), want))
        return Reply(None, None, transaction.request_id)


def _nobody() -> Refusal:
    raise AssertionError("check 9 refuses a packet without an account")


def _wake(transaction: Transaction, messages: tuple[Message, ...], now: datetime) -> tuple[datetime | None, bool]:
    """Plans to look at each new message when its first step is due.

    Returns when that is, for the earliest of them, and whether a report of any is to come before the answer.
    """
    plan, due, first, comes_before = None, now, None, False
    add = transaction.wakes.append
    for message in messages:
        if message.plan is not plan:
            plan = message.plan
            due = now + plan.steps[0].after
            first = due if first is None or due < first else first
            comes_before = comes_before or is_reported_before(plan)
        add((due, message.uid))
    return first, comes_before
