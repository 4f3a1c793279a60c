"""The resources of the admin API: messages, requests, reports, accounts, clock, rules, faults, scenarios, sink.

Each is seen from one account, and its methods are operations. Lists are searched with one syntax everywhere:
`to:852* state:DELIVERED -content:"old code"`. A wait that gets too little is a WaitError, a verification that fails
a VerifyError, everything the server refuses a RefusedError that says what would be right.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from cloudsms_simulator.client.operation import (
    API_ROOT,
    Call,
    Calls,
    CallSequence,
    DriverT_co,
    Duration,
    Resource,
    duration_seconds,
    json_body,
    json_duration,
    operation,
    path_segment,
)
from cloudsms_simulator.models.account import (
    AccountItem,
    ClockItem,
    LedgerItem,
    RuleItem,
    ScenarioPage,
    SinkItem,
    TroubleItem,
    UsedItem,
    Verdict,
)
from cloudsms_simulator.models.journal import (
    ForcedItem,
    MessageItem,
    OtpItem,
    PendingItem,
    ReportItem,
    RequestItem,
    TimelineItem,
    Verified,
)
from cloudsms_simulator.models.server import Json, Page
from cloudsms_simulator.moments import datetime

if TYPE_CHECKING:
    from cloudsms_simulator.engine.billing import TextBill


KeptT = TypeVar("KeptT")

LARGEST_PAGE = 1000
MAX_PUSH_SECONDS = 30.0
"""Seconds a push may take that the server waits for."""


class JournalList(Resource[DriverT_co], Generic[DriverT_co, KeptT]):
    """Messages, requests or reports of one account."""

    def __init__(
        self,
        driver: DriverT_co,
        account: str,
        name: Literal["messages", "requests", "reports"],
        kind: type[Page[KeptT]],
    ) -> None:
        super().__init__(driver)
        self._query = {"account": account}
        self._path = f"{API_ROOT}/{name}"
        self._kind = kind

    @operation
    def page(self, search: str = "", *, limit: int = 100, cursor: str | None = None) -> CallSequence[Page[KeptT]]:
        """One page of what a search finds, of everything without one, newest first."""
        return self._page(search, limit, cursor)

    @operation
    def all(self, search: str = "") -> Calls[list[KeptT]]:
        """All that a search finds, oldest first."""
        found: list[KeptT] = []
        cursor = None
        while True:
            page = yield from self._page(search, LARGEST_PAGE, cursor)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                found.reverse()
                return found

    @operation
    def wait(self, search: str = "", *, count: int = 1, timeout: Duration = 10.0) -> Calls[list[KeptT]]:
        """Returns once `count` are there that a search finds: the newest so many, oldest first.

        WaitError after `timeout` of wall time, or at once when only the account's clock keeps them from coming.
        """
        wanted = {"match": search, "count": count, "timeout": json_duration(timeout)}
        page = yield from Call(
            "POST",
            f"{self._path}/wait",
            self._kind,
            self._query,
            json_body(wanted),
            duration_seconds(timeout),
        )
        return list(reversed(page.items))

    def _at(self, name: str | int) -> str:
        return f"{self._path}/{path_segment(name)}"

    def _page(self, search: str, limit: int, cursor: str | None) -> Call[Page[KeptT]]:
        query: dict[str, str | int] = {**self._query, "limit": limit}
        if search:
            query["q"] = search
        if cursor is not None:
            query["cursor"] = cursor
        return Call("GET", self._path, self._kind, query)


class Messages(JournalList[DriverT_co, MessageItem]):
    """Messages, one for each SMS_UID that was accepted."""

    def __init__(self, driver: DriverT_co, account: str) -> None:
        super().__init__(driver, account, "messages", Page[MessageItem])

    @operation
    def show(self, uid: str) -> CallSequence[MessageItem]:
        """One message. RefusedError when there is none, perhaps no more."""
        return Call("GET", self._at(uid), MessageItem, self._query)

    @operation
    def timeline(self, uid: str) -> CallSequence[TimelineItem]:
        """Everything that happened to a message in order, and what is still to come."""
        return Call("GET", f"{self._at(uid)}/timeline", TimelineItem, self._query)

    @operation
    def segments(self, uid: str) -> "CallSequence[TextBill]":
        """The parts of a message as a handset gets them, what they cost, and what forced its alphabet."""
        from cloudsms_simulator.engine.billing import TextBill

        return Call("GET", f"{self._at(uid)}/segments", TextBill, self._query)

    @operation
    def otp(self, uid: str) -> Calls[str]:
        """The one-time password in a message. RefusedError when it has none."""
        found = yield from Call("GET", f"{self._at(uid)}/otp", OtpItem, self._query)
        return found.code

    @operation
    def report(
        self, uid: str, state: str | int, *, after: Duration = 0.0, final: bool | None = None, again: bool = False
    ) -> CallSequence[ForcedItem]:
        """Forces a state on a message, now or later; on a clock that stands its report was pushed when this returns.

        A final state takes the place of all that is planned. RefusedError when the message has one already, unless it
        is to be reported `again`, which changes neither its state nor money.
        """
        said: dict[str, object] = {"state": state, "after": json_duration(after), "again": again}
        if final is not None:
            said["final"] = final
        return Call("POST", f"{self._at(uid)}/report", ForcedItem, self._query, json_body(said), MAX_PUSH_SECONDS)


class Reports(JournalList[DriverT_co, ReportItem]):
    """Delivery reports with their attempts."""

    def __init__(self, driver: DriverT_co, account: str) -> None:
        super().__init__(driver, account, "reports", Page[ReportItem])

    @operation
    def show(self, report_id: str) -> CallSequence[ReportItem]:
        """One report with its attempts. RefusedError when there is none, perhaps no more."""
        return Call("GET", self._at(report_id), ReportItem, self._query)

    @operation
    def pending(self, search: str = "") -> Calls[list[PendingItem]]:
        """What is still due, of the messages a search finds: states, pushes and the expiry, soonest first."""
        query: dict[str, str | int] = {**self._query, "limit": LARGEST_PAGE}
        if search:
            query["q"] = search
        found: list[PendingItem] = []
        while True:
            page = yield from Call("GET", f"{self._path}/pending", Page[PendingItem], dict(query))
            found += page.items
            if page.cursor is None:
                return found
            query["cursor"] = page.cursor

    @operation
    def resend(self, report_id: str) -> CallSequence[ReportItem]:
        """Pushes a report once more now; on a clock that stands it was answered when this returns.

        RefusedError while a push of it is on the way, and without a callback.
        """
        return Call("POST", f"{self._at(report_id)}/resend", ReportItem, self._query, seconds=MAX_PUSH_SECONDS)


class Requests(JournalList[DriverT_co, RequestItem]):
    """Exchanges; of account `*` those that belong to nobody."""

    def __init__(self, driver: DriverT_co, account: str) -> None:
        super().__init__(driver, account, "requests", Page[RequestItem])

    @operation
    def show(self, request_id: int) -> CallSequence[RequestItem]:
        """One exchange. RefusedError when there is none, perhaps no more."""
        return Call("GET", self._at(request_id), RequestItem, self._query)

    @operation
    def send(
        self, request_id: int, *, corrected: bool = False, account: str | None = None
    ) -> CallSequence[RequestItem]:
        """Sends the packet of an exchange again inside the server, as it was or corrected; the exchange that it became.

        It gets a SERIAL and TIME of its own, and the AUTH_KEY of its account. `account`: whose a corrected packet of
        nobody's is to be. RefusedError when there is no packet, or none that can be corrected.
        """
        said: dict[str, object] = {"corrected": corrected}
        if account is not None:
            said["account"] = account
        return Call("POST", f"{self._at(request_id)}/send", RequestItem, self._query, json_body(said), MAX_PUSH_SECONDS)

    @operation
    def verify(
        self,
        search: str = "",
        *,
        exactly: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        in_order: Sequence[str] | None = None,
    ) -> CallSequence[Verified]:
        """Whether those that came are as expected, at least one unless said; VerifyError when they are not.

        `in_order` are searches, each of which must find a later request than the one before it.
        """
        said = {"exactly": exactly, "at_least": at_least, "at_most": at_most, "in_order": in_order}
        expected = {key: value for key, value in said.items() if value is not None}
        if search or in_order is None:
            expected["match"] = search
        return Call("POST", f"{self._path}/verify", Verified, self._query, json_body(expected))


_DURATION_PARTS = ("days", "hours", "minutes", "seconds", "milliseconds")


class Accounts(Resource[DriverT_co]):
    """Every account of the server."""

    @operation
    def all(self) -> Calls[list[AccountItem]]:
        """Every account as it is now."""
        found: list[AccountItem] = []
        query: dict[str, str | int] = {"limit": LARGEST_PAGE}
        while True:
            page = yield from Call("GET", f"{API_ROOT}/accounts", Page[AccountItem], dict(query))
            found += page.items
            if page.cursor is None:
                return found
            query["cursor"] = page.cursor

    @operation
    def create(self, /, **settings: object) -> CallSequence[AccountItem]:
        """Makes an account with the settings of the configuration, and `seed`, `scenario`, `clock`; all may be left
        out. What comes back has its whole AUTH_KEY. RefusedError with every mistake."""
        return Call("POST", f"{API_ROOT}/accounts", AccountItem, body=json_body(settings))

    @operation
    def show(self, name: str) -> CallSequence[AccountItem]:
        """One account as it is now."""
        return Call("GET", _account_path(name), AccountItem)

    @operation
    def change(self, name: str, /, **settings: object) -> CallSequence[AccountItem]:
        """Changes some settings, until the account is reset; None goes back to the default."""
        return Call("PATCH", _account_path(name), AccountItem, body=json_body(settings))

    @operation
    def delete(self, name: str) -> CallSequence[None]:
        """Deletes an account that was made over the API; pushes on the way are aborted first."""
        return Call("DELETE", _account_path(name))

    @operation
    def reset(self, name: str) -> CallSequence[AccountItem]:
        """One account as it was created, but for its clock; nothing scheduled before fires after."""
        return Call("POST", f"{_account_path(name)}/reset", AccountItem)

    @operation
    def credit(self, name: str, amount: Decimal | str, currency: str | None = None) -> CallSequence[LedgerItem]:
        """Puts money on an account; the movement."""
        said: Mapping[str, object] = {"amount": str(amount)}
        return Call(
            "POST",
            f"{_account_path(name)}/credit",
            LedgerItem,
            body=json_body(said if currency is None else {**said, "currency": currency}),
        )

    @operation
    def ledger(self, name: str) -> Calls[list[LedgerItem]]:
        """Every movement on an account, oldest first."""
        found: list[LedgerItem] = []
        query: dict[str, str | int] = {"limit": LARGEST_PAGE}
        while True:
            page = yield from Call("GET", f"{_account_path(name)}/ledger", Page[LedgerItem], dict(query))
            found += page.items
            if page.cursor is None:
                found.reverse()
                return found
            query["cursor"] = page.cursor


class Clocks(Resource[DriverT_co]):
    """The clock of one account."""

    def __init__(self, driver: DriverT_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @operation
    def show(self) -> CallSequence[ClockItem]:
        """What the clock shows, and what is still to come."""
        return Call("GET", f"{API_ROOT}/clock", ClockItem, self._query)

    @operation
    def freeze(self) -> CallSequence[ClockItem]:
        """Stops the clock where it is."""
        return Call("POST", f"{API_ROOT}/clock/freeze", ClockItem, self._query)

    @operation
    def resume(self, rate: float = 1.0) -> CallSequence[ClockItem]:
        """Lets the clock go on, so many times as fast as the wall's."""
        return Call("POST", f"{API_ROOT}/clock/resume", ClockItem, self._query, json_body({"rate": rate}))

    @operation
    def advance(
        self,
        by: Duration | None = None,
        /,
        *,
        to: datetime | str | None = None,
        timeout: Duration = 30.0,
        **parts: float,
    ) -> CallSequence[ClockItem]:
        """Moves the clock ahead, by a duration, to a moment, or by parts such as `hours=25`.

        Returns when all that was due on the way is done, or with `settled` false after `timeout` of wall time.
        """
        unknown = next((part for part in parts if part not in _DURATION_PARTS), None)
        if unknown is not None:
            raise TypeError(f"got {unknown}={parts[unknown]}, want {', '.join(_DURATION_PARTS)}, a duration, or to")
        if by is None and to is None and parts:
            by = timedelta(**parts)
        elif parts:
            raise TypeError(f"got {', '.join(parts)} beside by or to, want one of them")
        said = {"by": None if by is None else json_duration(by), "to": to}
        wanted: dict[str, object] = {key: value for key, value in said.items() if value is not None}
        wanted["timeout"] = json_duration(timeout)
        return Call(
            "POST", f"{API_ROOT}/clock/advance", ClockItem, self._query, json_body(wanted), duration_seconds(timeout)
        )

    @operation
    def run_until_idle(self, *, timeout: Duration = 30.0) -> CallSequence[ClockItem]:
        """Moves the clock ahead until nothing is planned any more."""
        said = json_body({"timeout": json_duration(timeout)})
        return Call("POST", f"{API_ROOT}/clock/run-until-idle", ClockItem, self._query, said, duration_seconds(timeout))


def _account_path(name: str) -> str:
    return f"{API_ROOT}/accounts/{path_segment(name)}"


class Rules(Resource[DriverT_co]):
    """What one account goes by: rules and faults, in the order in which they count."""

    _path = f"{API_ROOT}/rules"

    def __init__(self, driver: DriverT_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @operation
    def all(self) -> Calls[list[RuleItem]]:
        """All of them, with how often each decided."""
        page = yield from Call("GET", self._path, Page[RuleItem], self._query)
        return list(page.items)

    @operation
    def add(self, definition: Mapping[str, object]) -> CallSequence[RuleItem]:
        """Lays down one, with the keys of scenario files, before all others; it takes the place of one of its id."""
        return Call("POST", self._path, RuleItem, self._query, json_body(definition))

    @operation
    def remove(self, id: str) -> Calls[list[RuleItem]]:
        """Takes back one that was laid down by itself; what is left."""
        page = yield from Call("DELETE", f"{self._path}/{path_segment(id)}", Page[RuleItem], self._query)
        return list(page.items)

    @operation
    def switch(self, id: str, enabled: bool) -> CallSequence[RuleItem]:
        """Switches one on or off, the scenario's too, until another scenario is put to use or the account is reset."""
        return Call("POST", f"{self._path}/{path_segment(id)}", RuleItem, self._query, json_body({"enabled": enabled}))

    @operation
    def clear(self) -> Calls[list[RuleItem]]:
        """Takes back all that were laid down by themselves; what is left."""
        page = yield from Call("DELETE", self._path, Page[RuleItem], self._query)
        return list(page.items)

    @operation
    def unused(self) -> Calls[list[RuleItem]]:
        """Those of the rules and faults that never decided."""
        page = yield from Call("GET", f"{API_ROOT}/rules/unused", Page[RuleItem], self._query)
        return list(page.items)


class Faults(Rules[DriverT_co]):
    """The faults among them, and the listeners that have trouble with TLS."""

    _path = f"{API_ROOT}/faults"

    @operation
    def troubles(self) -> Calls[list[TroubleItem]]:
        """The listeners that are open."""
        page = yield from Call("GET", f"{API_ROOT}/faults/tls", Page[TroubleItem])
        return list(page.items)

    @operation
    def tls(self, trouble: str) -> CallSequence[TroubleItem]:
        """Where a client meets a trouble such as `expired`; opened first, if nobody asked for it before."""
        return Call("POST", f"{API_ROOT}/faults/tls", TroubleItem, body=json_body({"trouble": trouble}))


class ScenarioResource(Resource[DriverT_co]):
    """The scenarios there are, and the one that an account plays."""

    def __init__(self, driver: DriverT_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @operation
    def all(self) -> CallSequence[ScenarioPage]:
        """The bundled scenarios, and what the account plays."""
        return Call("GET", f"{API_ROOT}/scenarios", ScenarioPage, self._query)

    @operation
    def use(
        self, name: str | None = None, *, text: str | None = None, seed: int | None = None
    ) -> CallSequence[UsedItem]:
        """Puts a bundled scenario to use, or one that is sent as text."""
        said = {"name": name, "text": text, "seed": seed}
        wanted = {key: value for key, value in said.items() if value is not None}
        return Call("POST", f"{API_ROOT}/scenarios/use", UsedItem, self._query, json_body(wanted))

    @operation
    def stop(self) -> CallSequence[UsedItem]:
        """Puts none to use."""
        return Call("POST", f"{API_ROOT}/scenarios/stop", UsedItem, self._query)

    @operation
    def validate(self, text: str) -> CallSequence[Verdict]:
        """Everything that is wrong with the text of a scenario."""
        return Call("POST", f"{API_ROOT}/scenarios/validate", Verdict, body=json_body({"text": text}))

    @operation
    def schema(self) -> CallSequence[Json]:
        """The JSON Schema of scenario files."""
        return Call("GET", f"{API_ROOT}/scenarios/schema", Json)


class SinkResource(Resource[DriverT_co]):
    """`/sink`."""

    def __init__(self, driver: DriverT_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @operation
    def show(self) -> CallSequence[SinkItem[Json]]:
        """Where it is, how it answers, and what it received. Asking opens it."""
        return Call("GET", f"{API_ROOT}/sink", SinkItem[Json], self._query)

    @operation
    def answer(
        self,
        answer: str | None = None,
        *,
        status: int | None = None,
        body: str | None = None,
        delay: Duration | None = None,
    ) -> CallSequence[SinkItem[Json]]:
        """How the reports to come are answered: `ok`, `none`, `wrong-serial`, `not-json`, `http-503`, a result code; or
        with a status or a body."""
        said = {"answer": answer, "status": status, "body": body, "delay": delay}
        wanted = {key: value for key, value in said.items() if value is not None}
        return Call("PUT", f"{API_ROOT}/sink", SinkItem[Json], self._query, json_body(wanted))

    @operation
    def answers(self, answers: Sequence[str | Mapping[str, object]]) -> CallSequence[SinkItem[Json]]:
        """How the next reports are answered, one each, as `answer` says it: `["Busy", {"status": 503}, "ok"]`; the last
        holds for all that follow."""
        return Call("PUT", f"{API_ROOT}/sink", SinkItem[Json], self._query, json_body({"sequence": list(answers)}))

    @operation
    def clear(self) -> CallSequence[SinkItem[Json]]:
        """Forgets what it received, and has it answer rightly again."""
        return Call("DELETE", f"{API_ROOT}/sink", SinkItem[Json], self._query)
