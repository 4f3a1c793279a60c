"""Verify: whether the requests that came are those that were to come, in number and in order.

`{"match": "to:852*", "exactly": 2}`, `at_least` and `at_most`, or `{"in_order": ["to:852*", "to:65*"]}`.
"""

from collections.abc import Iterable
from typing import Annotated, Generic

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response
from cloudsms_simulator.server.admin.problems import Problem
from cloudsms_simulator.server.admin.searching import asked_of, read_search
from cloudsms_simulator.server.admin.waits import CloseItem, Match, S, close_items
from cloudsms_simulator.server.aside import Slices
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.search import Search
from cloudsms_simulator.server.sought import Kind, Value
from cloudsms_simulator.server.waits import Waits

MOST_STEPS = 100

Number = Annotated[int, msgspec.Meta(ge=0)] | None
Amount = Annotated[Number, msgspec.Meta(description="a whole number, 0 or more")]
Steps = Annotated[
    Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_STEPS)] | None,
    msgspec.Meta(description=f'a list of 1 to {MOST_STEPS} searches such as ["to:852*", "to:65*"]'),
]


class Expected(msgspec.Struct, frozen=True):
    """What was to come: how many that `match` finds, at least one unless said; or searches, one found after another."""

    match: Match = ""
    exactly: Amount = None
    at_least: Amount = None
    at_most: Amount = None
    in_order: Steps = None


class Verified(msgspec.Struct, frozen=True):
    """It is as was expected; `total` is how many were found."""

    verified: bool
    total: int
    evicted: int


class VerifyProblem(Problem, Generic[S], frozen=True, kw_only=True):
    """It is not as was expected; `closest` is what came close where too little was found."""

    total: int
    evicted: int
    closest: list[CloseItem[S]]


class Verify:
    """`/requests/verify`."""

    def __init__(self, office: Office, waits: Waits) -> None:
        self._office = office
        self._waits = waits

    async def requests(self, request: Request) -> Response:
        """200 when the exchanges so far are as expected, 409 when they are not, or when nobody can say any more."""
        kind: Kind = "requests"
        account = asked_of(self._office, request)
        expected = await read_json(request, Expected)
        _check(expected)
        kept = Kept(self._office.store, account)
        evicted = kept.listing(kind).evicted
        if expected.in_order is not None:
            steps = [read_search(self._office, account, kind, text) for text in expected.in_order]
            total, lacking = await _followed(kept, kind, steps), True
            if total == len(steps):
                return json_response(Verified(verified=True, total=total, evicted=evicted))
            missing = steps[total]
            after = f" after the one{_for(steps[total - 1])}" if total else ""
            why = f"there is no request{_for(missing)}{after}, which was expected as number {total + 1}"
        else:
            missing = read_search(self._office, account, kind, expected.match)
            total = (await kept.found(kind, missing)).total
            told, lacking = _unexpected(expected, total, evicted), _too_few(expected, total)
            if told is None:
                return json_response(Verified(verified=True, total=total, evicted=evicted))
            why = f"there {'is 1 request' if total == 1 else f'are {total:,} requests'}{_for(missing)}, {told}"
        if evicted:
            why += f"; {evicted:,} requests are gone from the journal, and nobody knows whether they were among them"
        closest = await self._waits.closest(account, kind, missing) if lacking else ()
        problem = VerifyProblem(
            "not as expected", 409, why, total=total, evicted=evicted, closest=await close_items(kept, closest)
        )
        return Response(msgspec.json.encode(problem), 409, media_type="application/problem+json")


def _check(expected: Expected) -> None:
    if expected.in_order is not None:
        if expected != Expected(in_order=expected.in_order):
            raise HTTPException(400, "in_order stands alone: want it, or match with exactly, at_least or at_most")
    elif expected.exactly is not None and (expected.at_least, expected.at_most) != (None, None):
        raise HTTPException(400, "want exactly, or at_least and at_most, not both")
    elif None not in (expected.at_least, expected.at_most) and (expected.at_least or 0) > (expected.at_most or 0):
        raise HTTPException(
            400, f"at_most: got {expected.at_most}, want {expected.at_least}, as at_least says, or more"
        )


def _bounds(expected: Expected) -> tuple[int | None, int | None]:
    """The fewest and the most there may be."""
    if expected.exactly is not None:
        return expected.exactly, expected.exactly
    if expected.at_least is None and expected.at_most is None:
        return 1, None
    return expected.at_least, expected.at_most


def _unexpected(expected: Expected, total: int, evicted: int) -> str | None:
    """What was expected instead; None when it is so for certain."""
    least, most = _bounds(expected)
    if expected.exactly is not None:
        wanted = f"expected exactly {expected.exactly:,}"
    else:
        said = (("at least", least), ("at most", most))
        wanted = "expected " + " and ".join(f"{word} {number:,}" for word, number in said if number is not None)
    # What is gone may have been found too, so an upper bound is certain only while nothing is.
    not_too_many = most is None or (total <= most and not evicted)
    return None if not_too_many and not _too_few(expected, total) else wanted


def _too_few(expected: Expected, total: int) -> bool:
    least, _ = _bounds(expected)
    return least is not None and total < least


async def _followed(kept: Kept, kind: Kind, steps: list[Search]) -> int:
    """How many of the searches find an exchange, each a later one than that before it."""
    done, slices = 0, Slices()
    for value in _oldest_first(kept, kind):
        if await kept.is_found(value, steps[done]):
            done += 1
            if done == len(steps):
                break
        await slices.rest()
    return done


def _oldest_first(kept: Kept, kind: Kind) -> Iterable[Value]:
    return reversed(list(kept.listing(kind)))


def _for(search: Search) -> str:
    return f" for {search}" if search.terms else ""
