"""A subject: one destination of a request, as the conditions of rules see it.

Reading: R21.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from cloudsms_simulator.engine.chance import Chance


class Subject(msgspec.Struct):
    """A destination with its request. Of a request that is not in order, what could be read; else "" and 0."""

    account: str
    to: str
    """Country code and number in one: `85267000011`."""
    country_code: int
    item: int
    """Its place in MULTI_MSISDN_LIST, from 1."""
    items: int
    """How many there are."""
    request: int
    """Which request of the account this is since the rules were put to use, in order of arrival, from 1."""
    route: str
    sender: str
    """ORIGINAL_ADDR, or the account's default sender."""
    content: str
    """SMS_CONTENT, unsigned."""
    signature: str
    priority: int
    version: str
    customer_body: Mapping[str, object]
    now: datetime
    """The moment on the account's clock."""
    elapsed: timedelta
    """On the account's clock, since the rules were put to use."""
    state: str
    """The named state the account's rules are in."""
    chance: Chance
