"""The handle: what a test does with its account, written once for tests that block and for those that await."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from cloudsms_simulator.client import Api, WaitError
from cloudsms_simulator.client_call import Going, Steps
from cloudsms_simulator.client_items import Account, Message, Report
from cloudsms_simulator.client_journal import Journal
from cloudsms_simulator.client_said import Duration
from cloudsms_simulator.client_verb import D_co, Resource, Unrun, Verb
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.pytest_support.event_loops import advice_for
from cloudsms_simulator.pytest_support.failures import close_lines, message_lines, refused_lines, unmet
from cloudsms_simulator.pytest_support.searching import Wanted, search_of

I = TypeVar("I")  # noqa: E741

_REFUSED = "-code:OK"
_WITH_OTP = "otp:*"
_MOVED_BY_MESSAGES = ("debit", "refund")


class Handle(Resource[D_co]):
    """Waits and assertions about one account. `timeout` is how long waits take unless they say."""

    def __init__(self, api: Api[D_co], timeout: Duration) -> None:
        super().__init__(api._driver)
        self._api = api
        self._calls = Api(Unrun(), api.account)
        self._timeout = timeout

    @Verb
    def wait_for_sms(
        self,
        /,
        to: str | int | None = None,
        *,
        content: str | None = None,
        state: str | int | None = None,
        count: int = 1,
        timeout: Duration | None = None,
        **fields: Wanted,
    ) -> Going[Message]:
        """The newest message that fits, once `count` of them were accepted. Other fields are those of searches."""
        __tracebackhide__ = True
        search = search_of(to=to, content=content, state=state, **fields)
        found = yield from self._wait(self._calls.messages, search, count, timeout)
        return found[-1]

    @Verb
    def wait_for_report(
        self,
        /,
        uid: str | None = None,
        *,
        state: str | int | None = None,
        to: str | int | None = None,
        timeout: Duration | None = None,
        **fields: Wanted,
    ) -> Going[Report]:
        """The newest report that fits, once it was answered, or nothing is done about it any more.

        While the clock is frozen only what is due comes: advance it first.
        """
        __tracebackhide__ = True
        search = f"{search_of(uid=uid, state=state, to=to, **fields)} -outcome:pending".strip()
        found = yield from self._wait(self._calls.reports, search, 1, timeout)
        return found[-1]

    @Verb
    def wait_for_otp(
        self, /, to: str | int | None = None, *, count: int = 1, timeout: Duration | None = None, **fields: Wanted
    ) -> Going[str]:
        """The one-time password in the newest message that fits and has one, once there are `count` of them.

        Messages without a run of 4 to 8 digits do not count, whether they come before or after.
        """
        __tracebackhide__ = True
        search = f"{search_of(to=to, **fields)} {_WITH_OTP}".strip()
        found = yield from self._wait(self._calls.messages, search, count, timeout)
        return (yield from self._calls.messages.otp(found[-1].uid))

    @Verb
    def assert_sms_sent(
        self,
        /,
        to: str | int | None = None,
        *,
        content: str | None = None,
        state: str | int | None = None,
        count: int | None = None,
        **fields: Wanted,
    ) -> Going[Message]:
        """The newest message that fits. There must be one by now, or exactly `count`."""
        __tracebackhide__ = True
        search = search_of(to=to, content=content, state=state, **fields)
        found = yield from self._calls.messages.all(search)
        if count is None:
            if found:
                return found[-1]
            count = 1
        if count < 1:
            raise ValueError(f"count: got {count}, want 1 or more; use assert_nothing_sent()")
        if len(found) < count:
            yield from self._wait(self._calls.messages, search, count, 0, message_lines(found))
        if len(found) != count:
            there = f"there are {len(found)} messages for {search or 'everything'}, want exactly {count}"
            raise unmet(there, message_lines(found))
        return found[-1]

    @Verb
    def assert_nothing_sent(self, to: str | int | None = None, *, content: str | None = None) -> Going[None]:
        """Nothing that fits has been sent by now, nor been tried to send."""
        __tracebackhide__ = True
        search = search_of(to=to, content=content)
        messages = yield from self._calls.messages.all(search)
        requests = yield from self._calls.requests.page(f"{search} {_REFUSED}".strip())
        if messages or requests.items:
            tried = "" if messages else ", though it was refused"
            raise unmet(
                f"something was sent{tried}", message_lines(messages, "messages"), refused_lines(requests.items)
            )

    @Verb
    def assert_spent(self, amount: str | Decimal | Money) -> Going[None]:
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

    @Verb
    def callback(self, url: str | None, /, **how: object) -> Steps[Account]:
        """Where reports go from now on, with `retries`, `verify` and so on as in the configuration; None: nowhere."""
        said: Mapping[str, object] = how if url is None else {"url": self._seen_by_server(url), **how}
        return self._calls.accounts.change(self._api.account, callback=said or None)

    def _seen_by_server(self, url: str) -> str:
        """For subclasses: the URL as the server reaches it."""
        return url

    def _wait(
        self,
        journal: Journal[Unrun, I],
        search: str,
        count: int,
        timeout: Duration | None,
        fitting: Sequence[str] = (),
    ) -> Going[list[I]]:
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
