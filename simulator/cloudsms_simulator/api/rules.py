"""`/rules`, `/faults` and `/scenarios`: what decides how an account's requests are answered and what becomes of them.

Rules and faults stand in one list, in the order in which they count: those added by themselves first, the newest before
the others, then those of the scenario. A rule comes as JSON with the keys of scenario files. `/faults` is that list
without the rules, and `/faults/tls` are the listeners with a TLS fault: such a listener belongs to no account, since
its fault comes before any is known, and has a port of its own.

A scenario comes by the name of a bundled one or as a text; a text may include bundled ones, but no files of the
server's. It holds for requests from now on: what was planned for messages before stays planned. PyYAML and the schema
of scenario files are imported when somebody asks for them.

Reading: R21.
"""

import asyncio
from collections.abc import Iterator, Set
from itertools import count
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import Nothing, json_response, read_json, read_table
from cloudsms_simulator.config import SettingsError, problems_in_order, suggestion
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenario, bundled_scenarios
from cloudsms_simulator.config.sources import Location
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.engine.rules import Condition, FaultRule, Rule
from cloudsms_simulator.models.account import (
    PlayingItem,
    RuleKind,
    ScenarioItem,
    ScenarioPage,
    TroubleItem,
    UsedItem,
    Verdict,
)
from cloudsms_simulator.models.server import Page
from cloudsms_simulator.services.scenarios import ActiveScenario, CountedRule, rule_item, rule_kind_of

if TYPE_CHECKING:
    from cloudsms_simulator.config.yaml_source import YamlFile


class Switch(msgspec.Struct, frozen=True):
    """Whether a rule is to decide."""

    enabled: Annotated[bool, msgspec.Meta(description="true or false")]


class RuleHandlers:
    """`/rules` and what is below it."""

    shown: ClassVar[Set[RuleKind]] = frozenset({"rule", "fault"})
    added: ClassVar[RuleKind] = "rule"

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def listing(self, request: Request) -> Response:
        """What the account goes by, with how often each decided; in a timeline's other scenarios too."""
        return self._page(self._counted(self._context.requested_account(request)))

    async def unused(self, request: Request) -> Response:
        """Those of them that never decided."""
        return self._page([each for each in self._counted(self._context.requested_account(request)) if each.hits == 0])

    async def add(self, request: Request) -> Response:
        """Lays down one, before all others; one of the same id, laid down before, makes room for it."""
        account = self._context.requested_account(request)
        table = await read_table(request, self.added)
        scenarios = self._context.scenarios
        rule = read_rule_body(table, self.added, scenarios.playing(account))
        if isinstance(rule, Rule):
            await scenarios.add_rules(account, rules=[rule])
        else:
            await scenarios.add_rules(account, faults=[rule])
        return json_response(rule_item(self._found(account, rule.id), warnings_of(table)))

    async def clear(self, request: Request) -> Response:
        """Takes back all that were laid down by themselves; what is left."""
        account = self._context.requested_account(request)
        await read_json(request, Nothing)
        await self._take_back(account, [each for each in self._counted(account) if each.is_own])
        return self._page(self._counted(account))

    async def switch(self, request: Request) -> Response:
        """Switches one on or off, the scenario's too; it."""
        account = self._context.requested_account(request)
        wanted = await read_json(request, Switch)
        counted = self._found(account, request.path_params["id"])
        await self._context.scenarios.switch(account, counted.rule.id, on=wanted.enabled)
        return json_response(rule_item(self._found(account, counted.rule.id)))

    async def remove(self, request: Request) -> Response:
        """Takes back one that was laid down by itself; what is left."""
        account = self._context.requested_account(request)
        await read_json(request, Nothing)
        counted = self._found(account, request.path_params["id"])
        if not counted.is_own:
            detail = f'"{counted.rule.id}" is of the scenario "{counted.book}"; put another to use to be rid of it'
            raise HTTPException(409, detail)
        await self._take_back(account, [counted])
        return self._page(self._counted(account))

    def _counted(self, account: Account) -> list[CountedRule]:
        return [each for each in self._context.scenarios.counted(account) if rule_kind_of(each) in self.shown]

    def _found(self, account: Account, name: str) -> CountedRule:
        counted = self._counted(account)
        found = next((each for each in counted if each.rule.id == name), None)
        if found is None:
            known = ", ".join(each.rule.id for each in counted) or "none"
            raise HTTPException(404, f'there is no {self.added} "{name[:100]}"; there is {known}')
        return found

    async def _take_back(self, account: Account, counted: list[CountedRule]) -> None:
        await self._context.scenarios.remove_rules(account, [each.rule.id for each in counted])

    def _page(self, counted: list[CountedRule]) -> Response:
        return json_response(Page(tuple([rule_item(each) for each in counted]), len(counted), None, 0))


class Open(msgspec.Struct, frozen=True):
    """Which trouble a listener is to have."""

    trouble: Annotated[TlsTrouble, msgspec.Meta(description=f"one of {', '.join(TlsTrouble)}")]


class FaultHandlers(RuleHandlers):
    """`/faults` and what is below it."""

    shown: ClassVar[Set[RuleKind]] = frozenset({"fault"})
    added: ClassVar[RuleKind] = "fault"

    async def troubles(self, request: Request) -> Response:
        """The listeners that are open."""
        items = tuple([TroubleItem(each.trouble, each.url) for each in self._context.tls_troubles.listeners])
        return json_response(Page(items, len(items), None, 0))

    async def open(self, request: Request) -> Response:
        """Where a client meets a trouble; opened first, if nobody asked for it before."""
        sent = await read_json(request, Open)
        return json_response(await self._context.tls_trouble_listener(sent.trouble))


MAX_SCENARIO_TEXT = 1024 * 1024
"""The most octets of a body with a scenario."""
FILE_NAME = "scenario.yaml"
"""The file name that problems give for a scenario that came as text."""
_WANT_ONE = 'want one of name and text, such as {"name": "flaky"}'

ScenarioName = Annotated[str | None, msgspec.Meta(description="the name of a bundled scenario")]
ScenarioText = Annotated[str | None, msgspec.Meta(description="a scenario, as it would stand in a file")]
ScenarioSeed = Annotated[
    Annotated[int, msgspec.Meta(ge=0)] | None,
    msgspec.Meta(description="a whole number from 0 up; unless said the scenario's"),
]


class Use(msgspec.Struct, frozen=True):
    """Which scenario is put to use, one of `name` and `text`, and what chance is drawn from."""

    name: ScenarioName = None
    text: ScenarioText = None
    seed: ScenarioSeed = None


class Validate(msgspec.Struct, frozen=True):
    """A text that may be a scenario."""

    text: Annotated[str, msgspec.Meta(description="a scenario, as it would stand in a file")]


class ScenarioHandlers:
    """`/scenarios` and what is below it."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def listing(self, request: Request) -> Response:
        """The bundled scenarios, and what the account plays."""
        account = self._context.requested_account(request)
        items = await asyncio.to_thread(bundled_items)
        return json_response(ScenarioPage(tuple(items), len(items), None, 0, self._playing(account)))

    async def schema(self, request: Request) -> Response:
        """The JSON Schema of scenario files."""
        return Response(await asyncio.to_thread(_scenario_schema), media_type="application/schema+json")

    async def validate(self, request: Request) -> Response:
        """Everything that is wrong with a text, or that is worth a warning."""
        sent = await read_json(request, Validate, MAX_SCENARIO_TEXT)
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
        account = self._context.requested_account(request)
        sent = await read_json(request, Use, MAX_SCENARIO_TEXT)
        return json_response(await self._used(account, await _chosen(sent), sent.seed))

    async def stop(self, request: Request) -> Response:
        """Puts none to use, likewise."""
        account = self._context.requested_account(request)
        await read_json(request, Nothing)
        return json_response(await self._used(account, None, None))

    async def _used(self, account: Account, scenario: Scenario | None, seed: int | None) -> UsedItem:
        tls = [
            await self._context.tls_trouble_listener(trouble) for trouble in (() if scenario is None else scenario.tls)
        ]
        async with self._context.clocks.turn(account):
            changed = await self._context.scenarios.use(account, scenario, seed)
            warnings = () if scenario is None else scenario.warnings
            return UsedItem(self._playing(changed), changed.seed, warnings, tuple(tls))

    def _playing(self, account: Account) -> PlayingItem | None:
        scenario = self._context.scenarios.playing(account).scenario
        if scenario is None:
            return None
        return PlayingItem(scenario.name, scenario.about, self._context.store.standing(account).rules_since)


async def _chosen(sent: Use) -> Scenario:
    if sent.text is not None and sent.name is None:
        return await asyncio.to_thread(_parsed, sent.text)
    if sent.name is None or sent.text is not None:
        raise HTTPException(400, _WANT_ONE)
    try:
        path = bundled_scenario(sent.name)
    except SettingsError as error:
        raise HTTPException(404, str(error)) from error
    from cloudsms_simulator.config.scenario_file import load_scenario

    return await asyncio.to_thread(load_scenario, path)


def _parsed(text: str) -> Scenario:
    from cloudsms_simulator.config.scenario_file import parse_scenario

    return parse_scenario(text, FILE_NAME, bundled_only=True)


def bundled_items() -> list[ScenarioItem]:
    """The bundled scenarios, in order of their names. Reads their files."""
    from cloudsms_simulator.config.scenario_file import read_scenario_file

    parts = [(path, read_scenario_file(path, [])) for path in bundled_scenarios()]
    return [ScenarioItem(path.stem, part.table.about) for path, part in parts if part is not None]


def _scenario_schema() -> bytes:
    from cloudsms_simulator.config.scenario_schema import scenario_json_schema

    return scenario_json_schema()


def read_rule_body(file: "YamlFile", kind: RuleKind, playing: ActiveScenario) -> Rule | FaultRule:
    """The rule or the fault that a file says and nothing else.

    Without an id it gets the first of `rule-1`, `rule-2`, … that is free: chance is drawn by id, so that what is laid
    down in the same order has the same luck. An id may be that of one it is to replace, but no other's; states are
    those there are wherever the timeline has come to. Raises SettingsError with every mistake.
    """
    # Imported when there is a rule to read: what rules may say is much, and many a run has none.
    from cloudsms_simulator.config.rule_schema import FAULT, RULE

    problems = list(file.problems)
    place = Location(problems, file)
    rule = (RULE if kind == "rule" else FAULT).take(file.values, place)
    if isinstance(rule, Rule | FaultRule):
        _check_id(rule, playing, place)
        _check_states(rule, playing, place)
        if not rule.id:
            rule = msgspec.structs.replace(rule, id=_free_id(kind, playing))
    if problems or not isinstance(rule, Rule | FaultRule):
        raise SettingsError(problems_in_order(problems))
    return rule


def warnings_of(file: "YamlFile") -> tuple[str, ...]:
    """What is worth a warning of a rule or a fault that is sent: lines, each with its place."""
    from cloudsms_simulator.config.match_schema import warn_of_slow_match

    warnings: list[str] = []
    warn_of_slow_match(file.values.get("match"), Location(warnings, file) / "match")
    return problems_in_order(warnings)


def _check_id(rule: Rule | FaultRule, playing: ActiveScenario, place: Location) -> None:
    book = next((book.name for book in playing.books if rule.id in _ids(book.rules, book.faults)), None)
    if book is not None:
        (place / "id").error(f'got "{rule.id}", which the scenario "{book}" has, want an id of its own')
    others, what = (playing.own.faults, "a fault") if isinstance(rule, Rule) else (playing.own.rules, "a rule")
    if rule.id in _ids(others):
        (place / "id").error(f'got "{rule.id}", which {what} has, want an id of its own')


def _check_states(rule: Rule | FaultRule, playing: ActiveScenario, place: Location) -> None:
    known = playing.states
    listed = f"one of the states: {', '.join(known)}" if known else "none: the scenario has no states"
    if isinstance(rule, Rule) and rule.then is not None and rule.then not in known:
        (place / "then").error(f'got "{rule.then}", want {listed}{suggestion(rule.then, known)}')
    for state in dict.fromkeys(_states_asked_for(rule.condition)):
        if state not in known:
            (place / "match").error(f'got the state "{state}", want {listed}{suggestion(state, known)}')


def _states_asked_for(condition: Condition) -> Iterator[str]:
    """Every state a condition asks for."""
    yield from sorted(condition.state)
    for each in (*condition.all, *condition.any, *condition.none):
        yield from _states_asked_for(each)


def _free_id(kind: RuleKind, playing: ActiveScenario) -> str:
    taken = {*_ids(playing.own.rules, playing.own.faults)}
    taken.update(*(_ids(book.rules, book.faults) for book in playing.books))
    return next(name for name in (f"{kind}-{number}" for number in count(1)) if name not in taken)


def _ids(*rules: tuple[Rule, ...] | tuple[FaultRule, ...]) -> list[str]:
    return [rule.id for some in rules for rule in some]
