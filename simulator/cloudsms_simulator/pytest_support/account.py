"""The account of a test and its clock, as verbs that block or are awaited."""

from decimal import Decimal

from cloudsms_simulator.client_accounts import Accounts, Clocks
from cloudsms_simulator.client_call import Going, Steps
from cloudsms_simulator.client_items import Account, Clock, Movement
from cloudsms_simulator.client_said import Duration
from cloudsms_simulator.client_verb import D_co, Resource, Unrun, Verb
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.pytest_support.event_loops import advice_for
from cloudsms_simulator.pytest_support.failures import unmet

_LONGEST_ADVANCE = 30.0


class AccountVerbs(Resource[D_co]):
    """The account of a test."""

    def __init__(self, driver: D_co, name: str) -> None:
        super().__init__(driver)
        self.name = name
        self._calls = Accounts(Unrun())

    @Verb
    def show(self) -> Steps[Account]:
        """The account with its standing."""
        return self._calls.show(self.name)

    @Verb
    def change(self, /, **settings: object) -> Steps[Account]:
        """Changes some settings, as the configuration has them, until the account is reset."""
        return self._calls.change(self.name, **settings)

    @Verb
    def credit(self, amount: Decimal | str) -> Steps[Movement]:
        """Puts money on it; the movement."""
        return self._calls.credit(self.name, amount)

    @Verb
    def ledger(self) -> Steps[list[Movement]]:
        """Every movement, oldest first."""
        return self._calls.ledger(self.name)

    @Verb
    def reset(self) -> Steps[Account]:
        """Makes it as it was at the beginning of the test, but for its clock."""
        return self._calls.reset(self.name)


class ClockVerbs(Resource[D_co]):
    """The clock of a test: what is not done in time is an error."""

    def __init__(self, driver: D_co, name: str) -> None:
        super().__init__(driver)
        self._calls = Clocks(Unrun(), name)

    @Verb
    def show(self) -> Steps[Clock]:
        """What the clock shows, and what is still to come."""
        return self._calls.show()

    @Verb
    def freeze(self) -> Steps[Clock]:
        """Stops the clock where it is."""
        return self._calls.freeze()

    @Verb
    def resume(self, rate: float = 1.0) -> Steps[Clock]:
        """Lets the clock go on, so many times as fast as the wall's."""
        return self._calls.resume(rate)

    @Verb
    def advance(
        self,
        by: Duration | None = None,
        /,
        *,
        to: datetime | None = None,
        timeout: Duration = _LONGEST_ADVANCE,
        **parts: float,
    ) -> Going[Clock]:
        """Moves the clock ahead, by a duration, by parts such as `hours=25`, or to a moment.

        When it returns, all that was due on the way is pushed and answered, and is in `fired`. UnmetError when that is
        not done within `timeout` of wall time.
        """
        __tracebackhide__ = True
        clock = yield from self._calls.advance(by, to=to, timeout=timeout, **parts)
        return _settled(clock, timeout, self._driver)

    @Verb
    def run_until_idle(self, *, timeout: Duration = _LONGEST_ADVANCE) -> Going[Clock]:
        """Moves the clock ahead until nothing is planned any more; UnmetError likewise."""
        __tracebackhide__ = True
        clock = yield from self._calls.run_until_idle(timeout=timeout)
        return _settled(clock, timeout, self._driver)


def _settled(clock: Clock, timeout: Duration, driver: object) -> Clock:
    __tracebackhide__ = True
    if clock.settled:
        return clock
    left = f"{clock.running} pushes are on the way, and {clock.pending} messages have something to come"
    raise unmet(f"the clock did not get there within {timeout}, but to {clock.now}: {left}", advice_for(driver))
