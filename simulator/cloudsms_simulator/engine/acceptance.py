"""Acceptance: the codes of a batch, and the messages, debits and first steps of what is accepted.

Spec: SMS Dispatching. Spec: RESULT_CODE and RESULT_DESC. Reading: R7, R8, R9.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.admission import Application, rejection
from cloudsms_simulator.engine.billing import LedgerEntry, quote
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.engine.script import LOCAL_REJECTION
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.submission import Submission

_NOTHING = Decimal(0)


class Accepted(msgspec.Struct, frozen=True):
    """What acceptance came to: the messages, their debits, and the balance after them."""

    messages: tuple[Message, ...]
    entries: list[LedgerEntry]
    balance: Decimal | None


def overall(verdicts: dict[int, ResultCode], count: int, profile: Profile) -> tuple[ResultCode, dict[int, ResultCode]]:
    """The top-level code of a batch of `count`, and the verdicts that stand after the profile's `mixed_batch`."""
    if not verdicts:
        return ResultCode.OK, verdicts
    first = verdicts[min(verdicts)]
    if profile.mixed_batch == "all_or_nothing":
        return first, {index: verdicts.get(index, first) for index in range(count)}
    if profile.mixed_batch == "first_error" or len(verdicts) == count:
        return first, verdicts
    return ResultCode.OK, verdicts


def refused_with_others(own: dict[int, ResultCode], verdicts: dict[int, ResultCode]) -> list[Finding]:
    """Why destinations are refused that were in order themselves: the batch as a whole was refused."""
    if len(own) == len(verdicts):
        return []
    want = "a batch without a destination that is refused"
    paths = (f"$.MULTI_MSISDN_LIST[{index}]" for index in verdicts if index not in own)
    return [found("batch-refused", path, Told("another destination of the batch is refused"), want) for path in paths]


def sending_of(account: Account, submission: Submission, request_id: int, now: datetime, key: object) -> Sending:
    """What the messages of a submission share. A ROUTE_ID that holds the AUTH_KEY `key` is kept as a fingerprint."""
    route_id = submission.route_id
    return Sending(
        request_id,
        account.name,
        submission.serial,
        now,
        fingerprint(route_id) if route_id == key else route_id,
        submission.sender or account.default_sender,
        submission.text,
        submission.segmentation,
        account.currency,
        account.profile,
        submission.customer_body,
    )


def accept(
    account: Account,
    submission: Submission,
    sending: Sending,
    indices: range | list[int],
    uids: tuple[str, ...],
    balance: Decimal | None,
) -> Accepted:
    """The messages of the destinations at `indices`, admitted in order: each is debited whole, or rejected locally."""
    segments = submission.segmentation.segments
    prices = quote(account, submission.destinations)
    # The reason of a rejection quotes the route as it is kept.
    route_id = submission.route_id if account.knows_route(submission.route_id) else sending.route_id
    application = Application(account, route_id, submission.destinations[0], None, None)
    messages: list[Message] = []
    entries: list[LedgerEntry] = []
    last: Decimal | None = None
    cost: Decimal | None = None
    for index in indices:
        destination = submission.destinations[index]
        country = destination.country_code
        price = prices[country]
        if price is not last:
            last, cost = price, None if price is None else price * segments
        application.destination = destination
        application.cost = cost
        application.funds = None if balance is None else balance + account.credit_limit
        reason = rejection(application)
        uid = uids[index]
        if reason is not None or cost is None:
            messages.append(
                Message(uid, sending, index, country, destination.msisdn, _NOTHING, LOCAL_REJECTION, reason)
            )
            continue
        if balance is not None:
            balance -= cost
            entries.append(LedgerEntry(account.name, uid, "debit", -cost, balance, sending.accepted_at))
        messages.append(Message(uid, sending, index, country, destination.msisdn, price or _NOTHING, account.plan))
    return Accepted(tuple(messages), entries, balance)
