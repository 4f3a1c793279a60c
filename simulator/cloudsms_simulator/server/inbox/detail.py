"""Detail: what the pages of one message and of one request have in common: whose it is, and what stands beside it."""

from collections.abc import Callable

import msgspec
from starlette.requests import Request

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.explanation_item import CorrectionItem
from cloudsms_simulator.server.inbox.arrivals import Arrival, Arrivals, mark_of
from cloudsms_simulator.server.inbox.marked import Mark, Marked, marked
from cloudsms_simulator.server.inbox.visit import Visit, accounts_in
from cloudsms_simulator.server.search_words import SearchError

MOST = 50
"""Findings, and changes, that a page shows one by one."""


class Neighbours(msgspec.Struct, frozen=True):
    """The addresses of what stands above and below in the list, None at its ends."""

    above: str | None
    below: str | None


def owner_in(office: Office, request: Request, has_it: Callable[[Account | None], bool]) -> Account | None:
    """The account of `?of=`, None for `*`; without it whoever has what is looked for.

    When nobody has it, the account of `?account=`, else the one at hand. 404 when there is no account of that name.
    """
    name = request.query_params.get("of")
    if name is None:
        holders: tuple[Account | None, ...] = (*office.directory, None)
        for holder in holders:
            if has_it(holder):
                return holder
        name = request.query_params.get("account")
    if name == NOBODY:
        return None
    return office.named(name) if name else office.at_hand()


async def neighbours(office: Office, visit: Visit, arrival: Arrival) -> Neighbours:
    """What stands beside an arrival in the list that the visit came from."""
    arrivals = Arrivals(office.store, office.wall, accounts_in(office, visit))
    try:
        above, below = await arrivals.around(mark_of(arrival), visit.query)
    except SearchError:
        return Neighbours(None, None)
    return Neighbours(_address(visit, above), _address(visit, below))


def with_findings(body: bytes, findings: tuple[Finding, ...]) -> Marked:
    """A body with its findings, the first so many, which are numbered from 1 in their order."""
    return marked(body, [Mark(each.path, nth, each.severity, each.rule) for nth, each in enumerate(findings[:MOST], 1)])


def with_changes(correction: CorrectionItem) -> Marked | None:
    """A corrected packet with its changes, numbered alike; None without one."""
    if not isinstance(correction.request, msgspec.Raw):
        return None
    changes = enumerate(correction.changes[:MOST], 1)
    return marked(bytes(correction.request), [Mark(each.path, nth, "change", each.why) for nth, each in changes])


def _address(visit: Visit, arrival: Arrival | None) -> str | None:
    if isinstance(arrival, Message):
        return visit.url(f"/messages/{arrival.uid}", of=arrival.sending.account, q=visit.query)
    if isinstance(arrival, Exchange):
        return visit.url(f"/requests/{arrival.id}", of=arrival.account or NOBODY, q=visit.query)
    return None
