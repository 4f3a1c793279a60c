"""What a test does with its account, written once for tests that block and for those that await.

`AccountAssertions` has the waits (`wait_for_sms`, `wait_for_report`, `wait_for_otp`) and assertions (`assert_sms_sent`,
`assert_spent`, ...), each an operation of the control client; searches are put together from keywords such as
`to="852*", state="DELIVERED"`. `AccountOperations` and `ClockOperations` are the account and its clock, where what is
not done in time is an error. A blocking call that times out says so when it blocked an event loop of its own thread.

Plans are rules that a test adds for some destinations, written as a chain:

    cloudsms.when(to="852*").reply("Busy", times=2).then("OK").report("DELIVERED", after="3s")

Each link counts from the moment it is made; of the awaited kind, from when it was awaited. The keys are those of rules
in scenario files.
"""

import asyncio
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Self, TypeVar

import msgspec

from cloudsms_simulator.client.client import Api
from cloudsms_simulator.client.errors import WaitError
from cloudsms_simulator.client.operation import (
    Calls,
    CallSequence,
    DriverT_co,
    Duration,
    Resource,
    Unbound,
    json_duration,
    operation,
)
from cloudsms_simulator.client.resources import Accounts, Clocks, JournalList
from cloudsms_simulator.client.transport import AsyncHttpDriver, BlockingHttpDriver
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.models.account import AccountItem, ClockItem, LedgerItem, RuleItem
from cloudsms_simulator.models.journal import MessageItem, ReportItem
from cloudsms_simulator.models.server import Json
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.pytest_plugin.reporting import close_lines, messages_as_lines, refused_lines, unmet

SearchValue = str | int | bool | None

_LITERAL = frozenset({"content", "text", "body", "reason"})
"""Fields in which a text is looked for as it stands, not as a pattern."""
_SPECIAL = re.compile(r"([\\*?\[\]])")


def search_by_fields(**fields: SearchValue) -> str:
    """The search for these fields; those that are None are left out. Numbers, names and ids may be globs."""
    return " ".join(f"{name}:{_quoted_value(name, value)}" for name, value in fields.items() if value is not None)


def _quoted_value(name: str, value: SearchValue) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if name in _LITERAL:
        text = _SPECIAL.sub(r"\\\1", text)
    escaped = text.replace('"', '\\"')
    return f'"{escaped}"'


_ADVICE = (
    "This call blocked the event loop it was made in, so nothing in that loop could send or answer meanwhile: "
    "use `await cloudsms.aio.…` there, which has the same methods."
)


def advice_for(driver: object) -> list[str]:
    """Advice about a call that took too long; empty unless it blocked an event loop of this thread."""
    return [_ADVICE] if isinstance(driver, BlockingHttpDriver) and _a_loop_runs() else []


def _a_loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _trio_runs()
    return True


def _trio_runs() -> bool:
    # Where trio is not imported, it does not run.
    lowlevel = sys.modules.get("trio.lowlevel")
    return lowlevel is not None and bool(lowlevel.in_trio_run())


_LONGEST_ADVANCE = 30.0


class AccountOperations(Resource[DriverT_co]):
    """The account of a test."""

    def __init__(self, driver: DriverT_co, name: str) -> None:
        super().__init__(driver)
        self.name = name
        self._calls = Accounts(Unbound())

    @operation
    def show(self) -> CallSequence[AccountItem]:
        """The account as it is now."""
        return self._calls.show(self.name)

    @operation
    def change(self, /, **settings: object) -> CallSequence[AccountItem]:
        """Changes some settings, as the configuration has them, until the account is reset."""
        return self._calls.change(self.name, **settings)

    @operation
    def credit(self, amount: Decimal | str) -> CallSequence[LedgerItem]:
        """Puts money on it; the movement."""
        return self._calls.credit(self.name, amount)

    @operation
    def ledger(self) -> CallSequence[list[LedgerItem]]:
        """Every movement, oldest first."""
        return self._calls.ledger(self.name)

    @operation
    def reset(self) -> CallSequence[AccountItem]:
        """Makes it as it was at the beginning of the test, but for its clock."""
        return self._calls.reset(self.name)


class ClockOperations(Resource[DriverT_co]):
    """The clock of a test: what is not done in time is an error."""

    def __init__(self, driver: DriverT_co, name: str) -> None:
        super().__init__(driver)
        self._calls = Clocks(Unbound(), name)

    @operation
    def show(self) -> CallSequence[ClockItem]:
        """What the clock shows, and what is still to come."""
        return self._calls.show()

    @operation
    def freeze(self) -> CallSequence[ClockItem]:
        """Stops the clock where it is."""
        return self._calls.freeze()

    @operation
    def resume(self, rate: float = 1.0) -> CallSequence[ClockItem]:
        """Lets the clock go on, so many times as fast as the wall's."""
        return self._calls.resume(rate)

    @operation
    def advance(
        self,
        by: Duration | None = None,
        /,
        *,
        to: datetime | None = None,
        timeout: Duration = _LONGEST_ADVANCE,
        **parts: float,
    ) -> Calls[ClockItem]:
        """Moves the clock ahead, by a duration, by parts such as `hours=25`, or to a moment.

        When it returns, all that was due on the way is pushed and answered, and is in `fired`. UnmetError when that is
        not done within `timeout` of wall time.
        """
        __tracebackhide__ = True
        clock = yield from self._calls.advance(by, to=to, timeout=timeout, **parts)
        return _settled(clock, timeout, self._driver)

    @operation
    def run_until_idle(self, *, timeout: Duration = _LONGEST_ADVANCE) -> Calls[ClockItem]:
        """Moves the clock ahead until nothing is planned any more; UnmetError likewise."""
        __tracebackhide__ = True
        clock = yield from self._calls.run_until_idle(timeout=timeout)
        return _settled(clock, timeout, self._driver)


def _settled(clock: ClockItem, timeout: Duration, driver: object) -> ClockItem:
    __tracebackhide__ = True
    if clock.settled:
        return clock
    left = f"{clock.running} pushes are on the way, and {clock.pending} messages have something to come"
    raise unmet(f"the clock did not get there within {timeout}, but to {clock.now}: {left}", advice_for(driver))


FoundT = TypeVar("FoundT")

_REFUSED = "-code:OK"
_WITH_OTP = "otp:*"
_MOVED_BY_MESSAGES = ("debit", "refund")


class AccountAssertions(Resource[DriverT_co]):
    """Waits and assertions about one account. `timeout` is how long waits take unless they say."""

    def __init__(self, api: Api[DriverT_co], timeout: Duration) -> None:
        super().__init__(api._driver)
        self._api = api
        self._calls = Api(Unbound(), api.account)
        self._timeout = timeout

    @operation
    def wait_for_sms(
        self,
        /,
        to: str | int | None = None,
        *,
        content: str | None = None,
        state: str | int | None = None,
        count: int = 1,
        timeout: Duration | None = None,
        **fields: SearchValue,
    ) -> Calls[MessageItem]:
        """The newest message that fits, once `count` of them were accepted. Other fields are those of searches."""
        __tracebackhide__ = True
        search = search_by_fields(to=to, content=content, state=state, **fields)
        found = yield from self._wait(self._calls.messages, search, count, timeout)
        return found[-1]

    @operation
    def wait_for_report(
        self,
        /,
        uid: str | None = None,
        *,
        state: str | int | None = None,
        to: str | int | None = None,
        timeout: Duration | None = None,
        **fields: SearchValue,
    ) -> Calls[ReportItem]:
        """The newest report that fits, once it was answered, or nothing is done about it any more.

        While the clock is frozen only what is due comes: advance it first.
        """
        __tracebackhide__ = True
        search = f"{search_by_fields(uid=uid, state=state, to=to, **fields)} -outcome:pending".strip()
        found = yield from self._wait(self._calls.reports, search, 1, timeout)
        return found[-1]

    @operation
    def wait_for_otp(
        self, /, to: str | int | None = None, *, count: int = 1, timeout: Duration | None = None, **fields: SearchValue
    ) -> Calls[str]:
        """The one-time password in the newest message that fits and has one, once there are `count` of them.

        Messages without a run of 4 to 8 digits do not count, whether they come before or after.
        """
        __tracebackhide__ = True
        search = f"{search_by_fields(to=to, **fields)} {_WITH_OTP}".strip()
        found = yield from self._wait(self._calls.messages, search, count, timeout)
        return (yield from self._calls.messages.otp(found[-1].uid))

    @operation
    def assert_sms_sent(
        self,
        /,
        to: str | int | None = None,
        *,
        content: str | None = None,
        state: str | int | None = None,
        count: int | None = None,
        **fields: SearchValue,
    ) -> Calls[MessageItem]:
        """The newest message that fits. There must be one by now, or exactly `count`."""
        __tracebackhide__ = True
        search = search_by_fields(to=to, content=content, state=state, **fields)
        found = yield from self._calls.messages.all(search)
        if count is None:
            if found:
                return found[-1]
            count = 1
        if count < 1:
            raise ValueError(f"count: got {count}, want 1 or more; use assert_nothing_sent()")
        if len(found) < count:
            yield from self._wait(self._calls.messages, search, count, 0, messages_as_lines(found))
        if len(found) != count:
            there = f"there are {len(found)} messages for {search or 'everything'}, want exactly {count}"
            raise unmet(there, messages_as_lines(found))
        return found[-1]

    @operation
    def assert_nothing_sent(self, to: str | int | None = None, *, content: str | None = None) -> Calls[None]:
        """Nothing that fits has been sent by now, nor been tried to send."""
        __tracebackhide__ = True
        search = search_by_fields(to=to, content=content)
        messages = yield from self._calls.messages.all(search)
        requests = yield from self._calls.requests.page(f"{search} {_REFUSED}".strip())
        if messages or requests.items:
            tried = "" if messages else ", though it was refused"
            raise unmet(
                f"something was sent{tried}", messages_as_lines(messages, "messages"), refused_lines(requests.items)
            )

    @operation
    def assert_spent(self, amount: str | Decimal | Money) -> Calls[None]:
        """The messages cost as much in all, refunds taken off; `"USD 0.10"`, or without the currency."""
        __tracebackhide__ = True
        ledger = yield from self._calls.accounts.ledger(self._api.account)
        account = yield from self._calls.accounts.show(self._api.account)
        wanted = _money(amount, account.currency)
        moved = [each for each in ledger if each.reason in _MOVED_BY_MESSAGES]
        spent = -sum((each.amount.amount for each in moved), Decimal(0))
        if wanted.currency != account.currency or wanted.amount != spent:
            lines = [f"  {each.reason} {each.amount} {each.uid}" for each in moved]
            raise unmet(f"{account.currency} {spent:f} was spent, want {wanted}", ["ledger:"] if lines else [], lines)

    @operation
    def callback(self, url: str | None, /, **how: object) -> CallSequence[AccountItem]:
        """Where reports go from now on, with `retries`, `verify` and so on as in the configuration; None: nowhere."""
        said: Mapping[str, object] = how if url is None else {"url": self._seen_by_server(url), **how}
        return self._calls.accounts.change(self._api.account, callback=said or None)

    def _seen_by_server(self, url: str) -> str:
        """For subclasses: the URL as the server reaches it."""
        return url

    def _wait(
        self,
        journal: JournalList[Unbound, FoundT],
        search: str,
        count: int,
        timeout: Duration | None,
        fitting: Sequence[str] = (),
    ) -> Calls[list[FoundT]]:
        __tracebackhide__ = True
        try:
            return (yield from journal.wait(search, count=count, timeout=self._timeout if timeout is None else timeout))
        except WaitError as error:
            failed = error
        refused = yield from self._calls.requests.page(_REFUSED, limit=3)
        advice = [] if failed.in_vain or timeout == 0 else advice_for(self._driver)
        there = f"there are {failed.total} of {count} messages for {search or 'everything'}"
        raise unmet(
            there if timeout == 0 else failed.detail,
            fitting,
            close_lines(failed.closest),
            refused_lines(refused.items),
            advice,
        )


def _money(amount: str | Decimal | Money, currency: str) -> Money:
    if isinstance(amount, Money):
        return amount
    named, _, number = str(amount).strip().rpartition(" ")
    try:
        return msgspec.convert({"amount": Decimal(number), "currency": named or currency}, Money)
    except (InvalidOperation, msgspec.ValidationError):
        raise ValueError(f'got "{amount}", want an amount such as "USD 0.10"') from None


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
