"""Scenarios: the bundled ones, what an account plays, and how it is given another.

A scenario says what becomes of requests from now on: what was planned for messages before stays planned. It comes by
the name of a bundled one or as a text, and a text may name bundled ones too, but no files of the server's.

PyYAML and the kinds of values that scenarios are written in are imported when somebody asks for them.
"""

import asyncio
from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.admin.bodies import Nothing, read_json
from cloudsms_simulator.server.admin.office import Office, TroubleItem
from cloudsms_simulator.server.admin.pages import Page, json_response
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.scenario_folder import bundled_scenario, bundled_scenarios

LARGEST_TEXT = 1024 * 1024
"""Octets of a body with a scenario."""
FILE_NAME = "scenario.yaml"
"""What complaints call a text."""
_ONE = 'want one of name and text, such as {"name": "flaky"}'

Name = Annotated[str | None, msgspec.Meta(description="the name of a bundled scenario")]
Text = Annotated[str | None, msgspec.Meta(description="a scenario, as it would stand in a file")]
Seed = Annotated[
    Annotated[int, msgspec.Meta(ge=0)] | None,
    msgspec.Meta(description="a whole number from 0 up; unless said the scenario's"),
]


class Use(msgspec.Struct, frozen=True):
    """Which scenario is put to use, one of `name` and `text`, and what chance is drawn from."""

    name: Name = None
    text: Text = None
    seed: Seed = None


class Validate(msgspec.Struct, frozen=True):
    """A text that may be a scenario."""

    text: Annotated[str, msgspec.Meta(description="a scenario, as it would stand in a file")]


class ScenarioItem(msgspec.Struct, frozen=True):
    """A bundled scenario, and which part of a client it exercises."""

    name: str
    about: str


class PlayingItem(msgspec.Struct, frozen=True):
    """A scenario in use; `since` when, on the account's clock."""

    name: str
    about: str
    since: datetime | None


class ScenarioPage(Page[ScenarioItem], frozen=True):
    """The bundled scenarios, and what the account plays."""

    playing: PlayingItem | None = None


class UsedItem(msgspec.Struct, frozen=True):
    """What an account plays from now on; `tls` are the listeners in trouble that the scenario has."""

    playing: PlayingItem | None
    seed: int
    warnings: tuple[str, ...] = ()
    tls: list[TroubleItem] = []


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a text, line by line; without a problem the name of the scenario it is."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    name: str | None


class Scenarios:
    """`/scenarios` and what is below it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listing(self, request: Request) -> Response:
        """The bundled scenarios, and what the account plays."""
        account = self._office.asked(request)
        items = await asyncio.to_thread(bundled)
        return json_response(ScenarioPage(items, len(items), None, 0, self._playing(account)))

    async def schema(self, request: Request) -> Response:
        """The JSON Schema of scenario files."""
        return Response(await asyncio.to_thread(_schema), media_type="application/schema+json")

    async def validate(self, request: Request) -> Response:
        """Everything that is wrong with a text, or that is worth a warning."""
        sent = await read_json(request, Validate, LARGEST_TEXT)
        try:
            scenario = await asyncio.to_thread(_parsed, sent.text)
        except SettingsError as error:
            return json_response(Verdict(error.problems, (), None))
        return json_response(Verdict((), scenario.warnings, scenario.name))

    async def use(self, request: Request) -> Response:
        """Puts a scenario to use for the account, as soon as its clock is not being moved.

        Counts, states and the timeline begin anew, and rules laid down by themselves are gone; what was planned for
        messages stays planned.
        """
        account = self._office.asked(request)
        sent = await read_json(request, Use, LARGEST_TEXT)
        return json_response(await self._used(account, await _chosen(sent), sent.seed))

    async def stop(self, request: Request) -> Response:
        """Puts none to use, likewise."""
        account = self._office.asked(request)
        await read_json(request, Nothing)
        return json_response(await self._used(account, None, None))

    async def _used(self, account: Account, scenario: Scenario | None, seed: int | None) -> UsedItem:
        tls = [await self._office.troubled(trouble) for trouble in (() if scenario is None else scenario.tls)]
        async with self._office.timekeeper.turn(account):
            changed = await self._office.scenarios.use(account, scenario, seed)
            warnings = () if scenario is None else scenario.warnings
            return UsedItem(self._playing(changed), changed.seed, warnings, tls)

    def _playing(self, account: Account) -> PlayingItem | None:
        scenario = self._office.scenarios.playing(account).scenario
        if scenario is None:
            return None
        return PlayingItem(scenario.name, scenario.about, self._office.store.standing(account).rules_since)


async def _chosen(sent: Use) -> Scenario:
    if sent.text is not None and sent.name is None:
        return await asyncio.to_thread(_parsed, sent.text)
    if sent.name is None or sent.text is not None:
        raise HTTPException(400, _ONE)
    try:
        path = bundled_scenario(sent.name)
    except SettingsError as error:
        raise HTTPException(404, str(error)) from error
    from cloudsms_simulator.server.scenario_file import load_scenario

    return await asyncio.to_thread(load_scenario, path)


def _parsed(text: str) -> Scenario:
    from cloudsms_simulator.server.scenario_file import parse_scenario

    return parse_scenario(text, FILE_NAME, bundled_only=True)


def bundled() -> list[ScenarioItem]:
    """The bundled scenarios, in order of their names. Reads their files."""
    from cloudsms_simulator.server.scenario_part import read_part

    parts = [(path, read_part(path, [])) for path in bundled_scenarios()]
    return [ScenarioItem(path.stem, part.table.about) for path, part in parts if part is not None]


def _schema() -> bytes:
    from cloudsms_simulator.server.scenario_schema import schema

    return schema()
