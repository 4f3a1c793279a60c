"""Faults: those among the rules of an account, and the listeners that have trouble with TLS.

Such a listener belongs to no account, since its trouble comes before any is known: it has a port of its own.
"""

from collections.abc import Set
from typing import Annotated, ClassVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.fault import TlsTrouble
from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.office import TroubleItem
from cloudsms_simulator.server.admin.pages import Page, json_response
from cloudsms_simulator.server.admin.rules import Rules
from cloudsms_simulator.server.rule_item import RuleKind


class Open(msgspec.Struct, frozen=True):
    """Which trouble a listener is to have."""

    trouble: Annotated[TlsTrouble, msgspec.Meta(description=f"one of {', '.join(TlsTrouble)}")]


class Faults(Rules):
    """`/faults` and what is below it."""

    shown: ClassVar[Set[RuleKind]] = frozenset({"fault"})
    added: ClassVar[RuleKind] = "fault"

    async def troubles(self, request: Request) -> Response:
        """The listeners that are open."""
        items = [TroubleItem(each.trouble, each.url) for each in self._office.tls_troubles.listeners]
        return json_response(Page(items, len(items), None, 0))

    async def open(self, request: Request) -> Response:
        """Where a client meets a trouble; opened first, if nobody asked for it before."""
        sent = await read_json(request, Open)
        return json_response(await self._office.troubled(sent.trouble))
