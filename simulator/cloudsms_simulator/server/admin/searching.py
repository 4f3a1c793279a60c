"""Searching: `?q=` and `?match=` of a list, and searches in the body of a request."""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.kept import Hits, Kept
from cloudsms_simulator.server.search import Search, search_of
from cloudsms_simulator.server.search_words import SearchError
from cloudsms_simulator.server.sought import Kind, Value
from cloudsms_simulator.stores.store import Listing

NOBODY = "*"
"""`?account=*`: exchanges that belong to no account."""
PARAMETERS = ("q", "match")


def asked_of(office: Office, request: Request) -> Account | None:
    """The account of `?account=`, None for `*`, which stands for nobody's exchanges; 404 when there is none."""
    return None if request.query_params.get("account") == NOBODY else office.asked(request)


def read_search(office: Office, account: Account | None, kind: Kind, text: str) -> Search:
    """A search; durations in it count back from the account's clock. 400 for what is none, saying where and why."""
    now = office.store.standing(account).clock.now(office.wall.now())
    try:
        return search_of(text, now, kind)
    except SearchError as error:
        raise HTTPException(400, str(error)) from error


async def matching(office: Office, request: Request, account: Account | None, kind: Kind) -> Listing[Value]:
    """What the list of a kind shows: all that is kept, or what `?q=`, also written `?match=`, finds of it."""
    text = next((request.query_params[name] for name in PARAMETERS if name in request.query_params), "")
    kept = Kept(office.store, account)
    if not text:
        return kept.listing(kind)
    found: Hits = await kept.found(kind, read_search(office, account, kind, text))
    return found
