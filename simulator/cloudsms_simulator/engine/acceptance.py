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
from cloudsms_simulator.engine.billing import LedgerEntry, prices_for
from cloudsms_simulator.engine.evaluation import Decision
from cloudsms_simulator.engine.plan import LOCAL_REJECTION
from cloudsms_simulator.engine.records import Message, Sending
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, ResultCode
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.packet import Destination, Submission
from cloudsms_simulator.protocol.profile import Profile

SINGAPORE = 65


class AdmissionRequest(msgspec.Struct, gc=False):
    """One message asking to be admitted: `cost` is of all segments, `funds` balance + credit or None: unlimited."""

    account: Account
    route_id: str
    destination: Destination
    cost: Decimal | None
    funds: Decimal | None


def reject_singapore_number(application: AdmissionRequest) -> str | None:
    """A number in Singapore has 8 digits and starts with 8 or 9."""
    destination = application.destination
    if destination.country_code != SINGAPORE:
        return None
    msisdn = destination.msisdn
    if len(msisdn) != 8:
        return f"a Singapore number has 8 digits, not {len(msisdn)}"
    return None if msisdn[0] in "89" else f"a Singapore number starts with 8 or 9, not {msisdn[0]}"


def reject_direction(application: AdmissionRequest) -> str | None:
    """The country is among the account's directions."""
    country = application.destination.country_code
    return None if application.account.serves(country) else f"country {country} is not among the account's directions"


def reject_route(application: AdmissionRequest) -> str | None:
    """ROUTE_ID is one of the account's routes."""
    if application.account.knows_route(application.route_id):
        return None
    return f'"{application.route_id}" is not one of the account\'s routes'


def reject_without_price(application: AdmissionRequest) -> str | None:
    """The country has a price; asked only where the profile leaves that to a report."""
    if application.cost is not None:
        return None
    return f"the account has no price for country {application.destination.country_code}"


def reject_beyond_balance(application: AdmissionRequest) -> str | None:
    """The cost is not strictly greater than balance + credit limit."""
    cost, funds = application.cost, application.funds
    if funds is None or cost is None or cost <= funds:
        return None
    return f"it costs {cost:f} {application.account.currency}, and {funds:f} is left"


AdmissionRule = Callable[[AdmissionRequest], str | None]

ADMISSION_RULES: tuple[AdmissionRule, ...] = (
    reject_singapore_number,
    reject_direction,
    reject_route,
    reject_without_price,
    reject_beyond_balance,
)


def none_can_reject(account: Account, route_id: str, balance: Decimal | None) -> bool:
    """Whether no rule can apply to any message of a request, other than those of `spares_country`.

    A rule that is not covered by these two has to be added to one of them; a test compares them with all rules.
    """
    return balance is None and account.directions is None and account.knows_route(route_id)


def none_can_reject_country(country_code: int, price_of_it: Decimal | None) -> bool:
    """Whether no rule can apply to a country: it has a price, and none of its own for numbers."""
    return price_of_it is not None and country_code != SINGAPORE


def rejection(application: AdmissionRequest) -> str | None:
    """Why a message is rejected locally, or None when it is admitted."""
    for rule in ADMISSION_RULES:
        reason = rule(application)
        if reason is not None:
            return reason
    return None


_COUNTRY_CODES: Mapping[int, int] = {code: code for code in COUNTRY_CODES}
"""One integer for each country code, to be kept in place of the many that are decoded."""


class Acceptance(msgspec.Struct, frozen=True):
    """What acceptance came to: the messages, their debits, and the balance after them."""

    messages: tuple[Message, ...]
    entries: list[LedgerEntry]
    balance: Decimal | None
    rejected: int = 0
    """How many of the messages are rejected locally."""


def overall_code(
    verdicts: dict[int, ResultCode], count: int, profile: Profile
) -> tuple[ResultCode, dict[int, ResultCode]]:
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
    scripts: Mapping[int, Decision],
) -> Acceptance:
    """The messages of the destinations that are not refused, in order: each is debited whole, or rejected locally.

    `uids` are those of all destinations. What a script does not decide, the account does.
    """
    destinations = submission.destinations
    segments = submission.segmentation.segments
    prices = prices_for(account, destinations)
    # The reason of a rejection quotes the route as it is kept.
    route_id = submission.route_id if account.knows_route(submission.route_id) else sending.route_id
    usual = account.usual_plan
    spared_at_all = none_can_reject(account, route_id, balance)
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
            spared = spared_at_all and none_can_reject_country(country, price)
        uid = uids[place]
        if not spared:
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
        script = scripts.get(place) if scripts else None
        if script is None:
            messages.append(Message(uid, sending, country, destination.msisdn, price, usual))
        else:
            plan = script.plan or usual
            messages.append(Message(uid, sending, country, destination.msisdn, price, plan, rule=script.rule))
    return Acceptance(tuple(messages), entries, balance, rejected)
