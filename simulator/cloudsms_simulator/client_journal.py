"""What happened, as a client reads it, waits for it and verifies it: messages, requests and reports.

Searches have one syntax everywhere: `to:852* state:DELIVERED -content:"old code"`.
"""

from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

from cloudsms_simulator.client_call import Call, Going, Steps
from cloudsms_simulator.client_items import Message, Page, Report, Request, Verified
from cloudsms_simulator.client_said import API, Duration, body_of, said_duration, seconds_of
from cloudsms_simulator.client_verb import D_co, Resource, Verb

I = TypeVar("I")  # noqa: E741

LONGEST_PAGE = 1000


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
        self._account = account
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
            {"account": self._account},
            body_of(wanted),
            seconds_of(timeout),
        )
        return list(reversed(page.items))

    def _page(self, search: str, limit: int, cursor: str | None) -> Call[Page[I]]:
        query: dict[str, str | int] = {"account": self._account, "limit": limit}
        if search:
            query["q"] = search
        if cursor is not None:
            query["cursor"] = cursor
        return Call("GET", self._path, self._kind, query)


class Messages(Journal[D_co, Message]):
    """Messages, one for each SMS_UID that was accepted."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver, account, "messages", Page[Message])


class Reports(Journal[D_co, Report]):
    """Delivery reports with their attempts."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver, account, "reports", Page[Report])


class Requests(Journal[D_co, Request]):
    """Exchanges; of account `*` those that belong to nobody."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver, account, "requests", Page[Request])

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
        return Call("POST", f"{self._path}/verify", Verified, {"account": self._account}, body_of(expected))
