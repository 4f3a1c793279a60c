"""Parameters: what may stand in the query and the path of a request, as the API's description tells it.

Handlers read the values; an operation refuses a parameter that none of them would read.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from cloudsms_simulator.server.admin.clocks import Timeout
from cloudsms_simulator.server.admin.events import MOST_ACCOUNTS
from cloudsms_simulator.server.admin.office import DEFAULT
from cloudsms_simulator.server.admin.pages import LONGEST_PAGE, PAGE
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.admin.waits import Count

PATH_PARAMETERS: Mapping[str, str] = {
    "name": "the name of an account",
    "id": "the `id` of an item",
    "uid": "the SMS_UID of a message",
    "path": "the path of a file",
}
"""What stands in a path, by name."""

AccountName = Annotated[str, msgspec.Meta(description="the name of an account")]
MaybeNobody = Annotated[
    str, msgspec.Meta(description=f"the name of an account, or `{NOBODY}` for exchanges that belong to none")
]
Query = Annotated[
    str, msgspec.Meta(description='a search such as `to:852* state:DELIVERED -route:Marketing_516 content:"code"`')
]
Alias = Annotated[str, msgspec.Meta(description="another name of `q`; where both are said, `q` counts")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_PAGE, description="the most items of a page")]
Cursor = Annotated[str | None, msgspec.Meta(description="the `cursor` of a page, for the one after it")]


class NoQuery(msgspec.Struct, frozen=True):
    """Nothing."""


class OfAccount(msgspec.Struct, frozen=True):
    """Whose."""

    account: AccountName = DEFAULT


class OfAnybody(msgspec.Struct, frozen=True):
    """Whose, or nobody's."""

    account: MaybeNobody = DEFAULT


class OfSome(msgspec.Struct, frozen=True):
    """Of which accounts."""

    account: Annotated[
        tuple[MaybeNobody, ...], msgspec.Meta(max_length=MOST_ACCOUNTS, description="said once for each account")
    ] = (DEFAULT,)


class Paged(msgspec.Struct, frozen=True):
    """Which page of a list."""

    limit: Limit = PAGE
    cursor: Cursor = None


class Searched(OfAccount, frozen=True):
    """Which page of what is found."""

    q: Query = ""
    match: Alias = ""
    limit: Limit = PAGE
    cursor: Cursor = None


class SearchedOfAnybody(OfAnybody, frozen=True):
    """Which page of what is found, perhaps of what is nobody's."""

    q: Query = ""
    match: Alias = ""
    limit: Limit = PAGE
    cursor: Cursor = None


class Awaited(OfAccount, frozen=True):
    """What to wait for, how many of it, and for how long."""

    q: Query = ""
    match: Alias = ""
    count: Count = 1
    timeout: Timeout = "10s"


class AwaitedOfAnybody(OfAnybody, frozen=True):
    """What to wait for, perhaps of what is nobody's, how many of it, and for how long."""

    q: Query = ""
    match: Alias = ""
    count: Count = 1
    timeout: Timeout = "10s"


class OfExchange(OfAnybody, frozen=True):
    """Which exchange."""

    request: Annotated[
        int | None, msgspec.Meta(description="the number of an exchange, as `/requests` lists it; the newest without")
    ] = None
