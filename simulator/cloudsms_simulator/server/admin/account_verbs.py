"""What can be done with accounts: made, shown, changed, deleted, given money; and their ledgers."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.server.account_body import read_credit
from cloudsms_simulator.server.account_keeper import AccountConflictError, AccountKeeper
from cloudsms_simulator.server.admin.bodies import Nothing, read_json, read_octets
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import json_response, page_response
from cloudsms_simulator.server.admin.problems import Problem, problem_response
from cloudsms_simulator.server.items import AccountItem, account_item
from cloudsms_simulator.server.json_table import JsonTable, read_json_table
from cloudsms_simulator.server.ledger_item import LedgerListing, ledger_item


class AccountVerbs:
    """POST `/accounts`, `/accounts/{name}` and what is below it, but for its reset."""

    def __init__(self, office: Office, keeper: AccountKeeper) -> None:
        self._office = office
        self._keeper = keeper

    async def create(self, request: Request) -> Response:
        """Makes an account; 201 and the account, with its whole AUTH_KEY this once."""
        account = await self._keeper.create(await _table(request))
        response = json_response(msgspec.structs.replace(self._item(account), auth_key=account.auth_key), 201)
        response.headers["Location"] = f"/api/v1/accounts/{account.name}"
        return response

    async def show(self, request: Request) -> Response:
        """One account with its standing."""
        return json_response(self._item(self._asked(request)))

    async def change(self, request: Request) -> Response:
        """Changes some settings of an account, until it is reset; the account."""
        account = self._asked(request)
        return json_response(self._item(await self._keeper.change(account, await _table(request))))

    async def delete(self, request: Request) -> Response:
        """Deletes an account made over the API, its pushes on the way aborted first; 204."""
        account = self._asked(request)
        await read_json(request, Nothing)
        await self._keeper.delete(account)
        return Response(status_code=204)

    async def credit(self, request: Request) -> Response:
        """Puts money on an account; the movement."""
        account = self._asked(request)
        entry = await self._keeper.credit(account, read_credit(await _table(request)))
        return json_response(ledger_item(self._office.store.ledger(account), entry, account.currency))

    async def ledger(self, request: Request) -> Response:
        """Every movement on an account."""
        account = self._asked(request)
        listing = LedgerListing(self._office.store.ledger(account), account.currency)
        return page_response(request, listing, lambda each: each.id, lambda each: each)

    def _asked(self, request: Request) -> Account:
        return self._office.named(request.path_params["name"])

    def _item(self, account: Account) -> AccountItem:
        standing = self._office.store.standing(account)
        return account_item(account, standing, standing.clock.now(self._office.wall.now()))


async def _table(request: Request) -> JsonTable:
    return read_json_table(await read_octets(request))


async def on_account_conflict(request: Request, error: Exception) -> Response:
    """For what does not go with the accounts there are."""
    assert isinstance(error, AccountConflictError)
    return problem_response(Problem("conflict", 409, str(error)))
