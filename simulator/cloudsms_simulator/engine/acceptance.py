"""Acceptance: the codes of a batch, and the messages, debits and first steps of what is accepted.

`overall_code` says what a batch is answered of which some destinations are refused. `accept` makes the messages of
the others: each is debited whole, or rejected locally (state 60). `ADMISSION_RULES` are the local rejections: they
are asked in order, and the first that applies is the reason, though the wire says only 60. One rejection is one
function with its words, and its line in that tuple; whole requests and whole countries to which none can apply are
not asked (`none_can_reject`, `none_can_reject_country`).

Spec: SMS Dispatching. Spec: RESULT_CODE and RESULT_DESC. Spec: SMS_STATE and RESULT_DESC, Remark. Reading: R7, R8, R9.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.evaluation import Decision
from cloudsms_simulator.engine.plan import LOCAL_REJECTION
from cloudsms_simulator.engine.records import Message, Sending
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, ResultCode
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.packet import Destination, Submission

# What a batch is answered.


def refused_with_others(own: dict[int, ResultCode], verdicts: dict[int, ResultCode]) -> list[Finding]:
    """Returns a finding for each destination that was in order itself, but is refused with the whole batch."""
    if len(own) == len(verdicts):
        return []
    want = "a batch without a destination that is refused"
    paths = (f"$.MULTI_MSISDN_LIST[{index}]" for index in verdicts if index not in own)
    return [found("batch-refused", path, Told("another destination of the batch is refused"), want) for path in paths]


def places_of(verdicts: dict[int, ResultCode], count: int) -> tuple[int, ...]:
    """Returns the places (indices from 0) of the destinations without a verdict."""
    return tuple([place for place in range(count) if place not in verdicts])


# Local rejections: one function each.

SINGAPORE = 65


class AdmissionRequest(msgspec.Struct, gc=False):
    """One message that asks to be admitted.

    `cost` is that of all segments, None without a price; `funds` is balance + credit limit, None when unlimited.
    """

    account: Account
    route_id: str
    destination: Destination
    cost: Decimal | None
    funds: Decimal | None


class AdmissionRule(msgspec.Struct, frozen=True, kw_only=True):
    """One local rejection: its function, and its words."""

    kind: str
    """What it is called where rejections are counted."""
    reject: Callable[[AdmissionRequest], str | None]
    """Returns the reason for which it rejects a message; None when it does not."""
    said: str
    """A text that every reason it gives has in it, and no reason of a rule behind it."""
    english: str
    """What it rejects, for people."""
    chinese: str
    scenario: str | None = "local-rejected"
    """A bundled scenario that exercises it."""


def reject_singapore_number(request: AdmissionRequest) -> str | None:
    """Rejects a number in Singapore that has not 8 digits, or does not start with 8 or 9."""
    destination = request.destination
    if destination.country_code != SINGAPORE:
        return None
    msisdn = destination.msisdn
    if len(msisdn) != 8:
        return f"a Singapore number has 8 digits, not {len(msisdn)}"
    return None if msisdn[0] in "89" else f"a Singapore number starts with 8 or 9, not {msisdn[0]}"


def reject_direction(request: AdmissionRequest) -> str | None:
    """Rejects a country that is not among the account's directions."""
    country = request.destination.country_code
    return None if request.account.serves(country) else f"country {country} is not among the account's directions"


def reject_route(request: AdmissionRequest) -> str | None:
    """Rejects a ROUTE_ID that is not one of the account's routes."""
    if request.account.knows_route(request.route_id):
        return None
    return f'"{request.route_id}" is not one of the account\'s routes'


def reject_without_price(request: AdmissionRequest) -> str | None:
    """Rejects a country without a price; such a message comes here only where the profile leaves that to a report."""
    if request.cost is not None:
        return None
    return f"the account has no price for country {request.destination.country_code}"


def reject_beyond_balance(request: AdmissionRequest) -> str | None:
    """Rejects a message that costs more than balance + credit limit."""
    cost, funds = request.cost, request.funds
    if funds is None or cost is None or cost <= funds:
        return None
    return f"it costs {cost:f} {request.account.currency}, and {funds:f} is left"


ADMISSION_RULES: tuple[AdmissionRule, ...] = (
    AdmissionRule(
        kind="singapore_number",
        reject=reject_singapore_number,
        said="a Singapore number",
        english="a Singapore number without 8 digits that begin with 8 or 9",
        chinese="不是以 8 或 9 开头的 8 位新加坡号码",
    ),
    AdmissionRule(
        kind="direction",
        reject=reject_direction,
        said="is not among the account's directions",
        english="a country outside the directions of the account",
        chinese="不在账户发送方向内的国家",
    ),
    AdmissionRule(
        kind="route",
        reject=reject_route,
        said="is not one of the account's routes",
        english="a ROUTE_ID the account has not got",
        chinese="账户没有的 ROUTE_ID",
    ),
    AdmissionRule(
        kind="price",
        reject=reject_without_price,
        said="the account has no price",
        english="a country without a price, where the profile reports that",
        chinese="没有价格的国家（当配置以状态报告告知时）",
        scenario=None,
    ),
    AdmissionRule(
        kind="balance",
        reject=reject_beyond_balance,
        said="is left",
        english="a message that costs more than is left",
        chinese="费用超过余额的短信",
    ),
)


def rejection(request: AdmissionRequest) -> str | None:
    """Returns why a message is rejected locally, or None when it is admitted."""
    for rule in ADMISSION_RULES:
        reason = rule.reject(request)
        if reason is not None:
            return reason
    return None


def rule_of_reason(reason: str) -> AdmissionRule | None:
    """Returns the rule that gave a reason; None for a reason that none gives."""
    return next((rule for rule in ADMISSION_RULES if rule.said in reason), None)


def none_can_reject(account: Account, route_id: str, balance: Decimal | None) -> bool:
    """Tells whether no rule can reject any message of a request, but for those of `none_can_reject_country`.

    A rule that is not covered by these two has to be added to one of them; a test compares them with all rules.
    """
    return balance is None and account.directions is None and account.knows_route(route_id)


def none_can_reject_country(country_code: int, price_of_it: Decimal | None) -> bool:
    """Tells whether no rule can reject a message for its country: it has a price, and no rule for its numbers."""
    return price_of_it is not None and country_code != SINGAPORE


# Messages and their debits.

_COUNTRY_CODES: Mapping[int, int] = {code: code for code in COUNTRY_CODES}
"""One integer for each country code, which messages keep in place of the many that are decoded."""


class Acceptance(msgspec.Struct, frozen=True, gc=False):
    """What comes of accepting a batch: the messages, their debits, and the balance after them."""

    messages: tuple[Message, ...]
    entries: list[LedgerEntry]
    balance: Decimal | None
    rejected: int = 0
    """How many of the messages are rejected locally."""


def accept(
    account: Account,
    submission: Submission,
    sending: Sending,
    uids: tuple[str, ...],
    balance: Decimal | None,
    decisions: Mapping[int, Decision],
) -> Acceptance:
    """Makes the messages of the destinations not refused, in their order: each is debited whole, or rejected locally.

    `uids` are those of all destinations. What becomes of a message without a decision is the account's usual plan.
    """
    destinations = submission.destinations
    segments = submission.segmentation.segments
    # The reason of a rejection quotes the route as it is kept.
    route_id = submission.route_id if account.knows_route(submission.route_id) else sending.route_id
    usual = account.usual_plan
    none_rejected = none_can_reject(account, route_id, balance)
    messages: list[Message] = []
    entries: list[LedgerEntry] = []
    country = 0
    price: Decimal | None = None
    cost: Decimal | None = None
    is_safe = False
    rejected = 0
    for place in range(len(destinations)) if sending.places is None else sending.places:
        destination = destinations[place]
        if destination.country_code != country:
            country = _COUNTRY_CODES[destination.country_code]
            price = account.price(country)
            cost = None if price is None else price * segments
            is_safe = none_rejected and none_can_reject_country(country, price)
        uid = uids[place]
        if not is_safe:
            funds = None if balance is None else balance + account.credit_limit
            reason = rejection(AdmissionRequest(account, route_id, destination, cost, funds))
            if reason is not None:
                messages.append(Message(uid, sending, country, destination.msisdn, reason, LOCAL_REJECTION))
                rejected += 1
                continue
        assert price is not None
        assert cost is not None, "a message without a price is rejected"
        if balance is not None:
            balance -= cost
            entries.append(LedgerEntry(account.name, uid, "debit", -cost, balance, sending.accepted_at))
        decision = decisions.get(place) if decisions else None
        if decision is None:
            messages.append(Message(uid, sending, country, destination.msisdn, price, usual))
        else:
            plan = decision.plan or usual
            messages.append(Message(uid, sending, country, destination.msisdn, price, plan, rule=decision.rule))
    return Acceptance(tuple(messages), entries, balance, rejected)
