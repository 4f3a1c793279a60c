"""Rules: what an account goes by, rules and faults in one list, and those laid down by themselves.

They come in the order in which they count: those laid down by themselves first, the newest before the others. Where a
rule is to be laid down it comes as JSON, with the keys that scenario files have for it.
"""

from collections.abc import Set
from typing import Annotated, ClassVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.rule_book import Rule
from cloudsms_simulator.server.admin.bodies import Nothing, read_json, read_table
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import Page, json_response
from cloudsms_simulator.server.playing import Counted
from cloudsms_simulator.server.rule_item import RuleKind, kind_of, rule_item


class Switch(msgspec.Struct, frozen=True):
    """Whether a rule is to decide."""

    enabled: Annotated[bool, msgspec.Meta(description="true or false")]


class Rules:
    """`/rules` and what is below it."""

    shown: ClassVar[Set[RuleKind]] = frozenset({"rule", "fault"})
    added: ClassVar[RuleKind] = "rule"

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """What the account goes by, with how often each decided; in a timeline's other scenarios too."""
        return self._page(self._counted(self._office.asked(request)))

    async def unused(self, request: Request) -> Response:
        """Those of them that never decided."""
        return self._page([each for each in self._counted(self._office.asked(request)) if each.hits == 0])

    async def add(self, request: Request) -> Response:
        """Lays down one, before all others; one of the same id, laid down before, makes room for it."""
        account = self._office.asked(request)
        table = await read_table(request, self.added)
        from cloudsms_simulator.server.sent_rule import sent_rule, warnings_of

        scenarios = self._office.scenarios
        rule = sent_rule(table, self.added, scenarios.playing(account))
        if isinstance(rule, Rule):
            await scenarios.lay_down(account, rules=[rule])
        else:
            await scenarios.lay_down(account, faults=[rule])
        return json_response(rule_item(self._found(account, rule.id), warnings_of(table)))

    async def clear(self, request: Request) -> Response:
        """Takes back all that were laid down by themselves; what is left."""
        account = self._office.asked(request)
        await read_json(request, Nothing)
        self._take_back(account, [each for each in self._counted(account) if each.is_own])
        return self._page(self._counted(account))

    async def switch(self, request: Request) -> Response:
        """Switches one on or off, the scenario's too; it."""
        account = self._office.asked(request)
        wanted = await read_json(request, Switch)
        counted = self._found(account, request.path_params["id"])
        self._office.scenarios.switch(account, counted.rule.id, on=wanted.enabled)
        return json_response(rule_item(self._found(account, counted.rule.id)))

    async def remove(self, request: Request) -> Response:
        """Takes back one that was laid down by itself; what is left."""
        account = self._office.asked(request)
        await read_json(request, Nothing)
        counted = self._found(account, request.path_params["id"])
        if not counted.is_own:
            told = f'"{counted.rule.id}" is of the scenario "{counted.book}"; put another to use to be rid of it'
            raise HTTPException(409, told)
        self._take_back(account, [counted])
        return self._page(self._counted(account))

    def _counted(self, account: Account) -> list[Counted]:
        return [each for each in self._office.scenarios.counted(account) if kind_of(each) in self.shown]

    def _found(self, account: Account, name: str) -> Counted:
        counted = self._counted(account)
        found = next((each for each in counted if each.rule.id == name), None)
        if found is None:
            known = ", ".join(each.rule.id for each in counted) or "none"
            raise HTTPException(404, f'there is no {self.added} "{name[:100]}"; there is {known}')
        return found

    def _take_back(self, account: Account, counted: list[Counted]) -> None:
        self._office.scenarios.take_back(account, [each.rule.id for each in counted])

    def _page(self, counted: list[Counted]) -> Response:
        return json_response(Page([rule_item(each) for each in counted], len(counted), None, 0))
