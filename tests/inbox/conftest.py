"""Requests for pages of an inbox whose accounts are those of a stage."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.inbox.page_context import PageContext, page_context_of
from cloudsms_simulator.protocol.profile import PROFILES
from cloudsms_simulator.services.scenarios import ScenarioService, created_config


class Door:
    """An ApiContext with nothing but accounts and their clocks, and requests for its pages."""

    def __init__(self, stage: Any) -> None:
        self.stage = stage
        nothing = dict.fromkeys(ApiContext.__struct_fields__)
        there = {"directory": stage.directory, "store": stage.store, "wall": stage.wall, "clocks": stage.timekeeper}
        for each in stage.accounts:
            settings = AccountSettings(name=each.name, auth_key=each.auth_key)
            stage.configure(created_config(each, settings, None))
        scenarios = ScenarioService(stage.store, stage.wall, lambda named: PROFILES[named or "spec"], print)
        self.context = ApiContext(**(nothing | there | {"scenarios": scenarios}))

    def request(self, query: str = "", path: str = "/", **headers: str) -> Request:
        """A request for a page; names of headers with `_` for `-`."""
        lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": lines}
        return Request(scope | {"server": ("localhost", 80), "scheme": "http", "root_path": ""})

    def page(self, query: str = "", path: str = "/", **headers: str) -> PageContext:
        """The PageContext of such a request."""
        return page_context_of(self.context, self.request(query, path, **headers))


@pytest.fixture
def door(stage: Callable[..., Any]) -> Door:
    """The inbox of the accounts `shop` and `default`."""
    return Door(stage(Account(name="shop", auth_key="the shop's own key"), Account()))
