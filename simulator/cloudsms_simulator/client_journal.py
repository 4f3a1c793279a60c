"""What happened, as a client reads it, waits for it and verifies it: messages, requests and reports.

Searches have one syntax everywhere: `to:852* state:DELIVERED -content:"old code"`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from cloudsms_simulator.client_call import Call, Going, Steps
from cloudsms_simulator.client_items import Message, Page, Report, Request, Verified
from cloudsms_simulator.client_message_items import Forced, Otp, Pending, Timeline
from cloudsms_simulator.client_said import API, Duration, body_of, said_duration, seconds_of, segment_of
from cloudsms_simulator.client_verb import D_co, Resource, Verb

if TYPE_CHECKING:
    from cloudsms_simulator.engine.text_bill import TextBill

I = TypeVar("I")  # noqa: E741

LONGEST_PAGE = 1000
LONGEST_PUSH = 30.0
"""Seconds a push may take that the server waits for."""


class Journal(Resource[D_co], Generic[D_co, I]):
    """Messages, requests or reports of one account."""

    def __init__(
        self,
        driver: D_co,
        account: str,
        name: Literal["messages", "requests", "reports"],
        kind: type[Page[I]],
    ) -> None:
        super().__init__(driver)
        self._query = {"account": account}
        self._path = f"{API}/{name}"
        self._kind = kind

    @Verb
    def page(self, search: str = "", *, limit: int = 100, cursor: str | None = None) -> Steps[Page[I]]:
        """One page of what a search finds, of everything without one, newest first."""
        return self._page(search, limit, cursor)

    @Verb
    def all(self, search: str = "") -> Going[list[I]]:
        """All that a search finds, oldest first."""
        found: list[I] = []
        cursor = None
        while True:
            page = yield from self._page(search, LONGEST_PAGE, cursor)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                found.reverse()
                return found

    @Verb
    def wait(self, search: str = "", *, count: int = 1, timeout: Duration = 10.0) -> Going[list[I]]:
        """Returns once `count` are there that a search finds: the newest so many, oldest first.

        WaitError after `timeout` of wall time, or at once when only the account's clock keeps them from coming.
        """
        wanted = {"match": search, "count": count, "timeout": said_duration(timeout)}
        page = yield from Call(
            "POST",
            f"{self._path}/wait",
            self._kind,
            self._query,
            body_of(wanted),
            seconds_of(timeout),
        )
        return list(reversed(page.items))

    def _at(self, name: str | int) -> str:
        return f"{self._path}/{segment_of(name)}"

    def _page(self, search: str, limit: int, cursor: str | None) -> Call[Page[I]]:
        query: dict[str, str | int] = {**self._query, "limit": limit}
        if search:
            query["q"] = search
        if cursor is not None:
            query["cursor"] = cursor
        return Call("GET", self._path, self._kind, query)


class Messages(Journal[D_co, Message]):
    """Messages, one for each SMS_UID that was accepted."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver, account, "messages", Page[Message])

    @Verb
    def show(self, uid: str) -> Steps[Message]:
        """One message. RefusedError when there is none, perhaps no more."""
        return Call("GET", self._at(uid), Message, self._query)

    @Verb
    def timeline(self, uid: str) -> Steps[Timeline]:
        """Everything that happened to a message in order, and what is still to come."""
        return Call("GET", f"{self._at(uid)}/timeline", Timeline, self._query)

    @Verb
    def segments(self, uid: str) -> "Steps[TextBill]":
        """The parts of a message as a handset gets them, what they cost, and what forced its alphabet."""
        from cloudsms_simulator.engine.text_bill import TextBill

        return Call("GET", f"{self._at(uid)}/segments", TextBill, self._query)

    @Verb
    def otp(self, uid: str) -> Going[str]:
        """The one-time password in a message. RefusedError when it has none."""
        found = yield from Call("GET", f"{self._at(uid)}/otp", Otp, self._query)
        return found.code

    @Verb
    def report(
        self, uid: str, state: str | int, *, after: Duration = 0.0, final: bool | None = None, again: bool = False
    ) -> Steps[Forced]:
        """Forces a state on a message, now or later; on a clock that stands its report was pushed when this returns.

        A final state takes the place of all that is planned. RefusedError when the message has one already, unless it
        is to be reported `again`, which changes neither its state nor money.
        """
        said: dict[str, object] = {"state": state, "after": said_duration(after), "again": again}
        if final is not None:
            said["final"] = final
        return Call("POST", f"{self._at(uid)}/report", Forced, self._query, body_of(said), LONGEST_PUSH)


class Reports(Journal[D_co, Report]):
    """Delivery reports with their attempts."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver, account, "reports", Page[Report])

    @Verb
    def show(self, report_id: str) -> Steps[Report]:
        """One report with its attempts. RefusedError when there is none, perhaps no more."""
        return Call("GET", self._at(report_id), Report, self._query)

    @Verb
    def pending(self, search: str = "") -> Going[list[Pending]]:
        """What is still due, of the messages a search finds: states, pushes and the expiry, soonest first."""
        query: dict[str, str | int] = {**self._query, "limit": LONGEST_PAGE}
        if search:
            query["q"] = search
        found: list[Pending] = []
        while True:
            page = yield from Call("GET", f"{self._path}/pending", Page[Pending], dict(query))
            found += page.items
            if page.cursor is None:
                return found
            query["cursor"] = page.cursor

    @Verb
    def resend(self, report_id: str) -> Steps[Report]:
        """Pushes a report once more now; on a clock that stands it was answered when this returns.

        RefusedError while a push of it is on the way, and without a callback.
        """
        return Call("POST", f"{self._at(report_id)}/resend", Report, self._query, seconds=LONGEST_PUSH)


class Requests(Journal[D_co, Request]):
    """Exchanges; of account `*` those that belong to nobody."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver, account, "requests", Page[Request])

    @Verb
    def show(self, request_id: int) -> Steps[Request]:
        """One exchange. RefusedError when there is none, perhaps no more."""
        return Call("GET", self._at(request_id), Request, self._query)

    @Verb
    def verify(
        self,
        search: str = "",
        *,
        exactly: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        in_order: Sequence[str] | None = None,
    ) -> Steps[Verified]:
        """Whether those that came are as expected, at least one unless said; VerifyError when they are not.

        `in_order` are searches, each of which must find a later request than the one before it.
        """
        said = {"exactly": exactly, "at_least": at_least, "at_most": at_most, "in_order": in_order}
        expected = {key: value for key, value in said.items() if value is not None}
        if search or in_order is None:
            expected["match"] = search
        return Call("POST", f"{self._path}/verify", Verified, self._query, body_of(expected))
