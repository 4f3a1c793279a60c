"""Acceptance: the codes of a batch, and the messages, debits and first steps of what is accepted.

Spec: SMS Dispatching. Spec: RESULT_CODE and RESULT_DESC. Reading: R7, R8, R9.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.admission import Application, rejection, spares, spares_country
from cloudsms_simulator.engine.billing import LedgerEntry, quote
from cloudsms_simulator.engine.hearing import Script
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.engine.script import LOCAL_REJECTION
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.submission import Submission

_COUNTRY_CODES: Mapping[int, int] = {code: code for code in ASSIGNED}
"""One integer for each country code, to be kept in place of the many that are decoded."""


class Accepted(msgspec.Struct, frozen=True):
    """What acceptance came to: the messages, their debits, and the balance after them."""

    messages: tuple[Message, ...]
    entries: list[LedgerEntry]
    balance: Decimal | None
    rejected: int = 0
    """How many of the messages are rejected locally."""


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


def places_of(verdicts: dict[int, ResultCode], count: int) -> tuple[int, ...]:
    """The places of the destinations without a verdict."""
    return tuple([place for place in range(count) if place not in verdicts])


def accept(
    account: Account,
    submission: Submission,
    sending: Sending,
    uids: tuple[str, ...],
    balance: Decimal | None,
    scripts: Mapping[int, Script],
) -> Accepted:
    """The messages of the destinations that are not refused, in order: each is debited whole, or rejected locally.

    `uids` are those of all destinations. What a script does not decide, the account does.
    """
    destinations = submission.destinations
    segments = submission.segmentation.segments
    prices = quote(account, destinations)
    # The reason of a rejection quotes the route as it is kept.
    route_id = submission.route_id if account.knows_route(submission.route_id) else sending.route_id
    usual = account.usual_plan
    spared_at_all = spares(account, route_id, balance)
    messages: list[Message] = []
    entries: list[LedgerEntry] = []
    country = 0
    price: Decimal | None = None
    cost: Decimal | None = None
    spared = False
    rejected = 0
    for place in range(len(destinations)) if sending.places is None else sending.places:
        destination = destinations[place]
        if destination.country_code != country:
            country = _COUNTRY_CODES[destination.country_code]
            price = prices[country]
            cost = None if price is None else price * segments
            spared = spared_at_all and spares_country(country, price)
        uid = uids[place]
        if not spared:
            funds = None if balance is None else balance + account.credit_limit
            reason = rejection(Application(account, route_id, destination, cost, funds))
            if reason is not None:
                messages.append(Message(uid, sending, country, destination.msisdn, reason, LOCAL_REJECTION))
                rejected += 1
                continue
        assert price is not None
        assert cost is not None, "a message without a price is rejected"
        if balance is not None:
            balance -= cost
            entries.append(LedgerEntry(account.name, uid, "debit", -cost, balance, sending.accepted_at))
        script = scripts.get(place) if scripts else None
        if script is None:
            messages.append(Message(uid, sending, country, destination.msisdn, price, usual))
        else:
            plan = script.plan or usual
            messages.append(Message(uid, sending, country, destination.msisdn, price, plan, rule=script.rule))
    return Accepted(tuple(messages), entries, balance, rejected)
