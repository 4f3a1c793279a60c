"""The office: what the handlers work with, and how they find the account a request is about."""

from collections.abc import Callable

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.server.timekeeper import Timekeeper
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

DEFAULT = "default"


class Office(msgspec.Struct, frozen=True):
    """What a simulator has that its API shows and moves."""

    directory: Directory
    store: Store
    wall: WallClock
    timekeeper: Timekeeper
    is_ready: Callable[[], bool]
    """Whether both ports serve."""

    def asked(self, request: Request) -> Account:
        """The account of `?account=`, or the one named `default`; 404 when there is none."""
        return self.named(request.query_params.get("account", DEFAULT))

    def named(self, name: str) -> Account:
        """The account of a name; 404 when there is none."""
        account = self.directory.named(name)
        if account is None:
            known = ", ".join(each.name for each in self.directory)
            raise HTTPException(404, f'there is no account "{name[:100]}"; there is {known}')
        return account
