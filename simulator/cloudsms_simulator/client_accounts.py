"""Accounts as a client makes, changes and resets them, and their clocks."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from cloudsms_simulator.client_call import Call, Going, Steps
from cloudsms_simulator.client_items import Account, Clock, Movement, Page
from cloudsms_simulator.client_journal import LONGEST_PAGE
from cloudsms_simulator.client_said import API, Duration, body_of, said_duration, seconds_of, segment_of
from cloudsms_simulator.client_verb import D_co, Resource, Verb
from cloudsms_simulator.protocol.moments import datetime

_PARTS = ("days", "hours", "minutes", "seconds", "milliseconds")


class Accounts(Resource[D_co]):
    """Every account of the server."""

    @Verb
    def all(self) -> Going[list[Account]]:
        """Every account with its standing."""
        found: list[Account] = []
        query: dict[str, str | int] = {"limit": LONGEST_PAGE}
        while True:
            page = yield from Call("GET", f"{API}/accounts", Page[Account], dict(query))
            found += page.items
            if page.cursor is None:
                return found
            query["cursor"] = page.cursor

    @Verb
    def create(self, /, **settings: object) -> Steps[Account]:
        """Makes an account with the settings of the configuration, and `seed`, `scenario`, `clock`; all may be left
        out. What comes back has its whole AUTH_KEY. RefusedError with every mistake."""
        return Call("POST", f"{API}/accounts", Account, body=body_of(settings))

    @Verb
    def show(self, name: str) -> Steps[Account]:
        """One account with its standing."""
        return Call("GET", _path(name), Account)

    @Verb
    def change(self, name: str, /, **settings: object) -> Steps[Account]:
        """Changes some settings, until the account is reset; None goes back to the default."""
        return Call("PATCH", _path(name), Account, body=body_of(settings))

    @Verb
    def delete(self, name: str) -> Steps[None]:
        """Deletes an account that was made over the API; pushes on the way are aborted first."""
        return Call("DELETE", _path(name))

    @Verb
    def reset(self, name: str) -> Steps[Account]:
        """One account as it was created, but for its clock; nothing scheduled before fires after."""
        return Call("POST", f"{_path(name)}/reset", Account)

    @Verb
    def credit(self, name: str, amount: Decimal | str, currency: str | None = None) -> Steps[Movement]:
        """Puts money on an account; the movement."""
        said: Mapping[str, object] = {"amount": str(amount)}
        return Call(
            "POST",
            f"{_path(name)}/credit",
            Movement,
            body=body_of(said if currency is None else {**said, "currency": currency}),
        )

    @Verb
    def ledger(self, name: str) -> Going[list[Movement]]:
        """Every movement on an account, oldest first."""
        found: list[Movement] = []
        query: dict[str, str | int] = {"limit": LONGEST_PAGE}
        while True:
            page = yield from Call("GET", f"{_path(name)}/ledger", Page[Movement], dict(query))
            found += page.items
            if page.cursor is None:
                found.reverse()
                return found
            query["cursor"] = page.cursor


class Clocks(Resource[D_co]):
    """The clock of one account."""

    def __init__(self, driver: D_co, account: str) -> None:
        super().__init__(driver)
        self._query = {"account": account}

    @Verb
    def show(self) -> Steps[Clock]:
        """What the clock shows, and what is still to come."""
        return Call("GET", f"{API}/clock", Clock, self._query)

    @Verb
    def freeze(self) -> Steps[Clock]:
        """Stops the clock where it is."""
        return Call("POST", f"{API}/clock/freeze", Clock, self._query)

    @Verb
    def resume(self, rate: float = 1.0) -> Steps[Clock]:
        """Lets the clock go on, so many times as fast as the wall's."""
        return Call("POST", f"{API}/clock/resume", Clock, self._query, body_of({"rate": rate}))

    @Verb
    def advance(
        self, by: Duration | None = None, /, *, to: datetime | None = None, timeout: Duration = 30.0, **parts: float
    ) -> Steps[Clock]:
        """Moves the clock ahead, by a duration, to a moment, or by parts such as `hours=25`.

        Returns when all that was due on the way is done, or with `settled` false after `timeout` of wall time.
        """
        unknown = next((part for part in parts if part not in _PARTS), None)
        if unknown is not None:
            raise TypeError(f"got {unknown}={parts[unknown]}, want {', '.join(_PARTS)}, a duration, or to")
        if by is None and to is None and parts:
            by = timedelta(**parts)
        elif parts:
            raise TypeError(f"got {', '.join(parts)} beside by or to, want one of them")
        said = {"by": None if by is None else said_duration(by), "to": to}
        wanted: dict[str, object] = {key: value for key, value in said.items() if value is not None}
        wanted["timeout"] = said_duration(timeout)
        return Call("POST", f"{API}/clock/advance", Clock, self._query, body_of(wanted), seconds_of(timeout))

    @Verb
    def run_until_idle(self, *, timeout: Duration = 30.0) -> Steps[Clock]:
        """Moves the clock ahead until nothing is planned any more."""
        said = body_of({"timeout": said_duration(timeout)})
        return Call("POST", f"{API}/clock/run-until-idle", Clock, self._query, said, seconds_of(timeout))


def _path(name: str) -> str:
    return f"{API}/accounts/{segment_of(name)}"
