"""Compose: sends as a customer would, and says before that what will come of it."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.searching import NOBODY
from cloudsms_simulator.server.inbox.draft import draft_of
from cloudsms_simulator.server.inbox.forms import read_form
from cloudsms_simulator.server.inbox.press import Press
from cloudsms_simulator.server.inbox.regions import REGIONS
from cloudsms_simulator.server.inbox.visit import Visit, visit_of

SIGNATURE_TYPES = ((1, "【S】text"), (2, "text【S】"), (3, "[S] text"), (4, "text[S]"), (5, "text"))


class ComposePage:
    """`/compose`, and what it shows beside its form: `/compose/draft` while one types, `/compose/sent` after that."""

    def __init__(self, office: Office, press: Press) -> None:
        self._office = office
        self._press = press

    async def show(self, request: Request) -> Response:
        """The form, and an empty draft."""
        visit = visit_of(self._office, request)
        account = _account(visit)
        return self._press.page(
            "compose.html",
            visit,
            account=account,
            routes=sorted(account.routes - {"*"}),
            countries=[(code, REGIONS.get(code, "")) for code in sorted(ASSIGNED)],
            signature_types=SIGNATURE_TYPES,
            versions=account.profile.versions,
            draft=await draft_of(self._office, account, {}),
        )

    async def draft(self, request: Request) -> Response:
        """What the fields of the form, as they are sent, would come to."""
        visit = visit_of(self._office, request)
        fields = await read_form(request)
        return self._press.page("_draft.html", visit, draft=await draft_of(self._office, _account(visit), fields))

    async def sent(self, request: Request) -> Response:
        """What came of the request of `?request=`, `?of=` whose it is; 404 when it is not kept."""
        visit = visit_of(self._office, request)
        owner, number = request.query_params.get("of", NOBODY), request.query_params.get("request", "")
        account = None if owner == NOBODY else self._office.named(owner)
        store = self._office.store
        known = number.isascii() and number.isdigit() and len(number) < 19
        exchange = store.exchange(account, int(number)) if known else None
        if exchange is None:
            raise HTTPException(404, f"no request {number[:20]} is kept")
        explanation = await self._office.explainer.of_exchange(account, exchange, account or _account(visit))
        messages = {} if account is None else {uid: store.message(account, uid) for uid in exchange.uids}
        return self._press.page(
            "_sent.html", visit, sent=explanation, owner=owner, messages=messages, fault=exchange.fault
        )


def _account(visit: Visit) -> Account:
    if visit.account is None:
        raise HTTPException(404, "there is no account to send for")
    return visit.account
