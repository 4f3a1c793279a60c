"""What handlers and pages work with: the services of a simulator, and lookups of what a request is about.

`ApiContext` holds the services. `?account=` names an account, `default` unless given; `*` stands for the exchanges
that belong to no account, for which the functions here return None. `?q=`, also written `?match=`, is a search of a
list; durations in it count back from the account's clock. The lookups return the one thing that a path names, or raise
HTTPException 404, which says whether the thing may have been evicted, and which other account has it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cloudsms_simulator.engine.account import Account, AccountDirectory
from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.engine.records import Exchange, Message, Report
from cloudsms_simulator.journal.events import EventHub
from cloudsms_simulator.journal.search import Search, parse_search
from cloudsms_simulator.journal.search_fields import JournalKind, JournalRecord
from cloudsms_simulator.journal.search_syntax import SearchError
from cloudsms_simulator.journal.views import JournalView, SearchHits
from cloudsms_simulator.journal.waits import Waits
from cloudsms_simulator.models.account import TroubleItem
from cloudsms_simulator.models.server import Certs, Info
from cloudsms_simulator.net.certificates import CertificateError
from cloudsms_simulator.net.sockets import ListenError
from cloudsms_simulator.net.tls_faults import FaultyTlsListeners
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.push.receiver import Sink
from cloudsms_simulator.services.accounts import AccountService
from cloudsms_simulator.services.clocks import ClockService
from cloudsms_simulator.services.explainer import Explainer
from cloudsms_simulator.services.metrics import Counters
from cloudsms_simulator.services.scenarios import ScenarioService
from cloudsms_simulator.services.sending import Interventions, PacketSender, Resubmitter
from cloudsms_simulator.stores.store import Listing, Store

if TYPE_CHECKING:
    from cloudsms_simulator.services.snapshot import StateService

DEFAULT_ACCOUNT = "default"


class ApiContext(msgspec.Struct, frozen=True):
    """The services of a simulator that its admin API and its pages call."""

    directory: AccountDirectory
    store: Store
    wall: WallClock
    clocks: ClockService
    scenarios: ScenarioService
    tls_troubles: FaultyTlsListeners
    accounts: AccountService
    state: Callable[[], "StateService"]
    """Returns what takes and puts back the state of everything. It is imported by then: few need it."""
    sink: Sink
    info: Callable[[tuple[str, ...]], Info]
    """Returns what `/info` shows; takes the resources that the API has."""
    certs: Callable[[], Certs]
    waits: Waits
    events: EventHub
    explainer: Explainer
    interventions: Interventions
    resubmitter: Resubmitter
    sender: PacketSender
    is_ready: Callable[[], bool]
    """Whether both ports serve."""
    counters: Counters
    """How often what happened since the start."""

    def requested_account(self, request: Request) -> Account:
        """The account that `?account=` names, `default` without it. Raises HTTPException 404 when there is none."""
        return self.named(request.query_params.get("account", DEFAULT_ACCOUNT))

    def named(self, name: str) -> Account:
        """The account of a name. Raises HTTPException 404 when there is none."""
        account = self.directory.named(name)
        if account is None:
            known = ", ".join(each.name for each in self.directory)
            raise HTTPException(404, f'there is no account "{name[:100]}"; there is {known}')
        return account

    def default_account(self) -> Account:
        """The account `default`, else the first there is. Raises HTTPException 404 when there is none at all."""
        account = self.directory.named(DEFAULT_ACCOUNT) or next(iter(self.directory), None)
        if account is None:
            raise HTTPException(404, "there is no account; POST /api/v1/accounts makes one")
        return account

    async def tls_trouble_listener(self, trouble: TlsTrouble) -> TroubleItem:
        """The listener with a TLS fault, opened if it is not open. Raises HTTPException 503 when it cannot be."""
        try:
            return TroubleItem(trouble, await self.tls_troubles.url_of(trouble))
        except (CertificateError, ListenError, RuntimeError) as error:
            raise HTTPException(503, f"no listener with the trouble {trouble}: {error}") from error


NOBODY = "*"
"""The value of `?account=` for exchanges that belong to no account."""
SEARCH_PARAMETERS = ("q", "match")


def account_or_nobody(context: ApiContext, request: Request) -> Account | None:
    """The account that `?account=` names, None for `*`. Raises HTTPException 404 when there is none."""
    return None if request.query_params.get("account") == NOBODY else context.requested_account(request)


def read_search(context: ApiContext, account: Account | None, kind: JournalKind, text: str) -> Search:
    """Reads a search; durations in it count back from the account's clock.

    Raises HTTPException 400, saying where and why.
    """
    now = context.store.standing(account).clock.now(context.wall.now())
    try:
        return parse_search(text, now, kind)
    except SearchError as error:
        raise HTTPException(400, str(error)) from error


async def searched_list(
    context: ApiContext, request: Request, account: Account | None, kind: JournalKind
) -> Listing[JournalRecord]:
    """The records that a list shows: all that are kept, or those that `?q=`, also written `?match=`, finds."""
    text = next((request.query_params[name] for name in SEARCH_PARAMETERS if name in request.query_params), "")
    view = JournalView(context.store, account)
    if not text:
        return view.listing(kind)
    found: SearchHits = await view.found(kind, read_search(context, account, kind, text))
    return found


_LONGEST_SHOWN = 60


def message_of(context: ApiContext, request: Request) -> tuple[Account, Message]:
    """The account that `?account=` names, and its message that the path names. Raises HTTPException 404 without one."""
    account, uid = context.requested_account(request), request.path_params["uid"]
    message = context.store.message(account, uid)
    if message is None:
        raise no_message(context, account, uid)
    return account, message


def no_message(context: ApiContext, account: Account, uid: str) -> HTTPException:
    """The 404 for an SMS_UID an account has no message of: says if it may be evicted, or which account has it."""
    others = [each.name for each in context.directory if context.store.message(each, uid) is not None]
    gone = context.store.messages(account).evicted
    return _missing(
        f'there is no message "{uid[:_LONGEST_SHOWN]}" of account "{account.name}"', others, gone, "messages"
    )


def report_of(context: ApiContext, request: Request) -> tuple[Account, Report]:
    """The account that `?account=` names, and its report that the path names. Raises HTTPException 404 without one."""
    account = context.requested_account(request)
    uid, number = report_named(request)
    reports = context.store.reports_of(account, uid)
    if not 1 <= number <= len(reports):
        raise no_report(context, account, request.path_params["id"])
    return account, reports[number - 1]


def report_named(request: Request) -> tuple[str, int]:
    """The SMS_UID and the number in the report id of the path; the number is 0 when it cannot be read."""
    uid, _, number = request.path_params["id"].rpartition("-")
    return uid, int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def no_report(context: ApiContext, account: Account, report_id: str) -> HTTPException:
    """The 404 for an id an account has no report of; the message may be there, and the report yet to come."""
    uid = report_id.rpartition("-")[0]
    message = context.store.message(account, uid)
    if message is not None:
        reports = context.store.reports_of(account, uid)
        there = f"it has {', '.join(report.id for report in reports)}" if reports else "it has none yet"
        return HTTPException(404, f'there is no report "{report_id[:_LONGEST_SHOWN]}" of message {uid}; {there}')
    others = [each.name for each in context.directory if context.store.message(each, uid) is not None]
    gone = context.store.reports(account).evicted
    return _missing(
        f'there is no report "{report_id[:_LONGEST_SHOWN]}" of account "{account.name}"', others, gone, "reports"
    )


def exchange_of(context: ApiContext, account: Account | None, number: str | int) -> Exchange:
    """The exchange of a number, of an account or (None) of no account. Raises HTTPException 404 without one."""
    text = str(number)
    known = context.store.exchange(account, int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None
    if known is not None:
        return known
    whose = "nobody" if account is None else f'account "{account.name}"'
    holders: list[Account | None] = [each for each in (*context.directory, None) if each is not account]
    others = []
    if text.isascii() and text.isdigit() and len(text) < 19:
        others = [
            "*" if each is None else each.name
            for each in holders
            if context.store.exchange(each, int(text)) is not None
        ]
    gone = context.store.exchanges(account).evicted
    raise _missing(f'there is no request "{text[:_LONGEST_SHOWN]}" of {whose}', others, gone, "requests")


def _missing(what: str, others: list[str], gone: int, kind: str) -> HTTPException:
    if others:
        return HTTPException(404, f"{what}; account={others[0]} has it")
    if gone:
        what += f"; {gone:,} {kind} are gone from the journal, and it may have been one of them"
        return HTTPException(404, what)
    return HTTPException(404, f"{what}, and nothing is gone from its journal")
