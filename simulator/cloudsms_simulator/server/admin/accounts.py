"""Accounts: each with its standing, and how one begins anew."""

from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.server.admin.bodies import Nothing, read_json
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import Page, Whole, json_response, page_response
from cloudsms_simulator.server.items import AccountItem, account_item


class Accounts:
    """`/accounts`, `/accounts/{name}/reset` and `/reset`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """Every account with its standing."""
        return page_response(request, Whole(tuple(self._office.directory)), lambda each: each.name, self._item)

    async def reset(self, request: Request) -> Response:
        """One account as it was created, but for its clock; the account. Nothing scheduled before fires after.

        It plays what it played at first, and rules laid down since are gone. Its sink is empty and answers rightly.
        """
        account = self._office.named(request.path_params["name"])
        await read_json(request, Nothing)
        return json_response(self._item(await self._reset(account)))

    async def reset_all(self, request: Request) -> Response:
        """Every account as it was created, those made over the API gone, and no exchange of nobody's; the accounts."""
        await read_json(request, Nothing)
        await self._office.keeper.delete_all()
        for account in self._office.directory:
            await self._reset(account)
        await self._office.store.reset(None, self._office.wall.now())
        return self._all()

    async def _reset(self, account: Account) -> Account:
        created = await self._office.timekeeper.reset(account, self._office.scenarios.restore)
        self._office.sink.clear(account.name)
        return created

    def _all(self) -> Response:
        shown = [self._item(account) for account in self._office.directory]
        return json_response(Page(shown, len(shown), None, 0))

    def _item(self, account: Account) -> AccountItem:
        standing = self._office.store.standing(account)
        return account_item(account, standing, standing.clock.now(self._office.wall.now()))
