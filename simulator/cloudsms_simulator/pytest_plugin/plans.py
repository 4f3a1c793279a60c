"""Plans: rules that a test adds for some destinations, written as a chain.

    cloudsms.when(to="852*").reply("Busy", times=2).then("OK").report("DELIVERED", after="3s")

Each link counts from the moment it is made; of the awaited kind, from when it was awaited. The keys are those of
rules in scenario files.
"""

from collections.abc import Generator, Mapping
from typing import Self

from cloudsms_simulator.client.client import Api
from cloudsms_simulator.client.operation import Duration, json_duration
from cloudsms_simulator.client.transport import AsyncHttpDriver, BlockingHttpDriver
from cloudsms_simulator.models.account import RuleItem
from cloudsms_simulator.models.server import Json


class PlanBuilder:
    """A rule, or a fault, that is being put together; `match` says which destinations it is for."""

    def __init__(self, match: Mapping[str, object]) -> None:
        self._match = {key: value for key, value in match.items() if value is not None}
        self._replies: list[Json] = []
        self._steps: list[Json] = []
        self._scope: str | None = None
        self._fault: Json | None = None
        self._id: str | None = None

    def reply(
        self,
        code: str | int = "OK",
        *,
        times: int | None = None,
        delay: Duration | None = None,
        scope: str | None = None,
    ) -> Self:
        """What is answered: a result code by name or number, to each recipient so many times."""
        self._scope = scope or self._scope
        self._replies.append(_without_none(code=code, times=times, delay=_duration_with_unit(delay)))
        self._changed()
        return self

    def then(self, code: str | int = "OK", *, times: int | None = None, delay: Duration | None = None) -> Self:
        """What is answered after that."""
        return self.reply(code, times=times, delay=delay)

    def report(self, state: str | int, *, after: Duration | None = None, **how: object) -> Self:
        """Which state is reached, and when after acceptance; another call adds a later state."""
        self._steps.append(_without_none(state=state, after=_duration_with_unit(after), **how))
        self._changed()
        return self

    def no_report(self) -> Self:
        """No final state comes, and after 25 hours the message is EXPIRED."""
        self._steps.append({"none": True})
        self._changed()
        return self

    def fault(
        self,
        fault: str | None = None,
        *,
        times: int | None = None,
        delay: Duration | None = None,
        processed: bool | None = None,
    ) -> Self:
        """What goes wrong with the answer, such as `HTTP_500`; with a delay alone it is only late."""
        self._fault = _without_none(fault=fault, times=times, delay=_duration_with_unit(delay), processed=processed)
        self._changed()
        return self

    def _changed(self) -> None:
        """For subclasses: called after each link of the chain."""

    @property
    def _rule(self) -> Json | None:
        if not (self._replies or self._steps):
            return None
        reply, report = self._replies or None, self._steps or None
        return _without_none(id=self._id, match=self._match, reply=reply, report=report, scope=self._scope)

    @property
    def _whole_fault(self) -> Json | None:
        return None if self._fault is None else {"match": self._match, **self._fault}


class BlockingPlan(PlanBuilder):
    """A plan that counts as soon as a link is made."""

    def __init__(self, api: Api[BlockingHttpDriver], match: Mapping[str, object]) -> None:
        super().__init__(match)
        self._api = api
        self._fault_id: str | None = None

    @property
    def hits(self) -> int:
        """How often it has decided."""
        ids = {self._id, self._fault_id}
        return sum(rule.hits for rule in self._api.rules.all() if rule.id in ids)

    def remove(self) -> None:
        """Removes its rule and its fault."""
        if self._id is not None:
            self._api.rules.remove(self._id)
        if self._fault_id is not None:
            self._api.faults.remove(self._fault_id)
        self._id = self._fault_id = None

    def _changed(self) -> None:
        __tracebackhide__ = True
        rule, fault = self._rule, self._whole_fault
        if fault is not None:
            said = fault if self._fault_id is None else {"id": self._fault_id, **fault}
            self._fault_id = self._api.faults.add(said).id
        if rule is not None:
            self._id = self._api.rules.add(rule).id


class AsyncPlan(PlanBuilder):
    """A plan that counts once it was awaited: `await cloudsms.aio.when(to="852*").reply("Busy")`."""

    def __init__(self, api: Api[AsyncHttpDriver], match: Mapping[str, object]) -> None:
        super().__init__(match)
        self._api = api

    def __await__(self) -> Generator[object, None, tuple[RuleItem, ...]]:
        return self._add().__await__()

    async def _add(self) -> tuple[RuleItem, ...]:
        added = []
        if self._whole_fault is not None:
            added.append(await self._api.faults.add(self._whole_fault))
        if self._rule is not None:
            added.append(await self._api.rules.add(self._rule))
        return tuple(added)


def _without_none(**values: object) -> Json:
    return {key: value for key, value in values.items() if value is not None}


def _duration_with_unit(duration: Duration | None) -> str | None:
    """A duration as scenario files have it, with a unit."""
    said = None if duration is None else json_duration(duration)
    return f"{said}s" if isinstance(said, int | float) else said
