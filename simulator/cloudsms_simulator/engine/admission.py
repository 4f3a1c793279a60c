"""Admission: which accepted messages are LOCAL_REJECTED (60), and why.

The rules are asked in order and the first that applies is the reason; the wire says only 60.

Spec: SMS_STATE and RESULT_DESC, Remark. Reading: R8.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.submission import Destination

SINGAPORE = 65


class Application(msgspec.Struct, gc=False):
    """One message asking to be admitted: `cost` is of all segments, `funds` balance + credit or None: unlimited."""

    account: Account
    route_id: str
    destination: Destination
    cost: Decimal | None
    funds: Decimal | None


def singapore_number(application: Application) -> str | None:
    """A number in Singapore has 8 digits and starts with 8 or 9."""
    destination = application.destination
    if destination.country_code != SINGAPORE:
        return None
    msisdn = destination.msisdn
    if len(msisdn) != 8:
        return f"a Singapore number has 8 digits, not {len(msisdn)}"
    return None if msisdn[0] in "89" else f"a Singapore number starts with 8 or 9, not {msisdn[0]}"


def direction(application: Application) -> str | None:
    """The country is among the account's directions."""
    country = application.destination.country_code
    return None if application.account.serves(country) else f"country {country} is not among the account's directions"


def route(application: Application) -> str | None:
    """ROUTE_ID is one of the account's routes."""
    if application.account.knows_route(application.route_id):
        return None
    return f'"{application.route_id}" is not one of the account\'s routes'


def price(application: Application) -> str | None:
    """The country has a price; asked only where the profile leaves that to a report."""
    if application.cost is not None:
        return None
    return f"the account has no price for country {application.destination.country_code}"


def balance(application: Application) -> str | None:
    """The cost is not strictly greater than balance + credit limit."""
    cost, funds = application.cost, application.funds
    if funds is None or cost is None or cost <= funds:
        return None
    return f"it costs {cost:f} {application.account.currency}, and {funds:f} is left"


Rule = Callable[[Application], str | None]

RULES: tuple[Rule, ...] = (singapore_number, direction, route, price, balance)


def spares(account: Account, route_id: str, balance: Decimal | None) -> bool:
    """Whether no rule can apply to any message of a request, other than those of `spares_country`.

    A rule that is not covered by these two has to be added to one of them; a test compares them with all rules.
    """
    return balance is None and account.directions is None and account.knows_route(route_id)


def spares_country(country_code: int, price_of_it: Decimal | None) -> bool:
    """Whether no rule can apply to a country: it has a price, and none of its own for numbers."""
    return price_of_it is not None and country_code != SINGAPORE


def rejection(application: Application) -> str | None:
    """Why a message is rejected locally, or None when it is admitted."""
    for rule in RULES:
        reason = rule(application)
        if reason is not None:
            return reason
    return None
