"""Accounts while the server runs: makes them, changes them, puts money on them, deletes them.

Accounts of the configuration can be changed too, but not deleted. A change lasts until the account is reset; a
balance is brought to what is said by an entry in the ledger. Deleting aborts the pushes on their way first.

Spec: none; the unit of isolation is the simulator's own. Reading: R16.
"""

import base64
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from typing import Literal

import msgspec

from cloudsms_simulator.config.account_body import AccountRequest, Credit, read_account_change, read_new_account
from cloudsms_simulator.config.account_schema import AccountOverrides, AccountSettings, field_of_account
from cloudsms_simulator.config.sources import JsonTable
from cloudsms_simulator.engine.account import NO_RULES, Account, AccountDirectory, AccountState, Callback
from cloudsms_simulator.engine.billing import LedgerEntry, LedgerReason, opening_balance
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.money import Currency, Money
from cloudsms_simulator.engine.rules import CompiledRules
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.models.account import AccountItem, CallbackItem, LedgerItem
from cloudsms_simulator.models.server import ClockMode, Json
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.services.clocks import ClockService
from cloudsms_simulator.services.scenarios import ScenarioService, overrides_of
from cloudsms_simulator.stores.store import Store

_KEY_OCTETS = 64
"""Written in base64 they are 88 characters, as the platform's own keys."""
_MONEY = frozenset({"balance", "currency"})


class AccountConflictError(Exception):
    """What is asked does not go with the accounts there are, or with what this one is."""


class AccountService:
    """Keeps the accounts of a simulator. Belongs to one event loop; every coroutine may raise StoreError.

    `seed` is for accounts that are told none, `profile_of` gives the profile of a name, None for the server's. `forgot`
    hears of each account that is gone.
    """

    def __init__(
        self,
        directory: AccountDirectory,
        store: Store,
        scenarios: ScenarioService,
        timekeeper: ClockService,
        wall: WallClock,
        *,
        seed: int,
        profile_of: Callable[[Literal["spec", "observed"] | None], Profile],
        forgot: Callable[[Account], None] = lambda account: None,
    ) -> None:
        self._directory = directory
        self._store = store
        self._scenarios = scenarios
        self._timekeeper = timekeeper
        self._wall = wall
        self._seed = seed
        self._profile_of = profile_of
        self._forgot = forgot
        self._made_here: set[str] = set()
        self._busy: set[str] = set()
        """Names of accounts that are being made or deleted."""

    async def create(self, table: JsonTable) -> Account:
        """Makes the account a body describes, with a name and an AUTH_KEY of ours if it says none.

        What the body says counts before what its scenario says of accounts. Raises SettingsError with every mistake in
        the body, AccountConflictError when there is an account of that name or key.
        """
        wish = read_new_account(table, f"account-{secrets.token_hex(8)}", _new_key())
        name = wish.said.settings.name
        with self._alone_with(name):
            if self._directory.named(name) is not None:
                raise AccountConflictError(f'there is an account "{name}" already; want a name of its own')
            settings, account = self._account(wish)
            await self._store.drop(account)
            await self._begin(account, wish.clock)
            try:
                self._directory.add(account)
            except ValueError as error:
                await self._store.drop(account)
                raise AccountConflictError(f"{error}; want a key of its own, or none for a new one") from error
            self._scenarios.register(account, settings, wish.scenario)
            self._made_here.add(name)
        return account

    def made(self, account: Account) -> bool:
        """Whether an account was made here, not by the configuration."""
        return account.name in self._made_here

    def recall(self, names: Set[str]) -> None:
        """Takes the accounts of these names, and no others, for made here."""
        self._made_here = set(names)

    async def change(self, account: Account, table: JsonTable) -> Account:
        """Changes what a body says of an account, until it is reset; the rest stays as it is.

        A balance is brought to what is said by an entry in the ledger. A callback that is said keeps the files of the
        one there was: only the configuration can name them. Raises SettingsError with every mistake in the
        body, AccountConflictError for another currency, CalledOffError when the account is deleted meanwhile.
        """
        wish = read_account_change(table)
        async with self._timekeeper.turn(account):
            current = self._directory.named(account.name) or account
            settings = wish.said.over(self._scenarios.settings_of(current))
            if "callback" in table.values:
                callback = _with_files_of(current.callback, settings.callback)
                settings = msgspec.structs.replace(settings, callback=callback)
            change = self._change(current, wish, settings)
            changed = change(current)
            if changed.currency != current.currency:
                raise AccountConflictError(
                    f'account "{account.name}" keeps its currency, {current.currency}; make another account'
                )
            if _MONEY & wish.said.said:
                await self._balance(changed)
            return self._scenarios.adjust(current, settings, change)

    async def credit(self, account: Account, credit: Credit) -> LedgerEntry:
        """Puts money on an account; the entry in its ledger. AccountConflictError for the wrong currency, and when
        the balance is unlimited."""
        if credit.currency is not None and credit.currency != account.currency:
            raise AccountConflictError(f'account "{account.name}" is in {account.currency}, not in {credit.currency}')

        def put(transaction: Transaction) -> LedgerEntry:
            standing = transaction.standing
            if standing.balance is None:
                raise AccountConflictError(f'the balance of account "{account.name}" is unlimited already')
            return transaction.move("credit", credit.amount, standing.clock.now(self._wall.now()))

        return await self._store.step(account, put)

    async def delete(self, account: Account) -> None:
        """Deletes an account that was made over the API, with all that is kept of it.

        Pushes on the way are aborted first, and nothing scheduled fires afterwards. AccountConflictError for an account
        of the configuration.
        """
        name = account.name
        if not self.made(account):
            raise AccountConflictError(f'account "{name}" is one of the configuration; reset it instead')
        with self._alone_with(name):
            current = self._directory.remove(name)
            try:
                await self._timekeeper.end(current)
            except BaseException:
                self._directory.add(current)
                raise
            self._made_here.discard(name)
            self._scenarios.forget(name)
            self._forgot(current)

    async def delete_all(self) -> None:
        """Deletes every account that was made over the API."""
        for account in self._directory:
            if self.made(account) and account.name not in self._busy:
                await self.delete(account)

    @contextmanager
    def _alone_with(self, name: str) -> Iterator[None]:
        if name in self._busy:
            raise AccountConflictError(f'account "{name}" is being made or deleted by another call; try again')
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)

    def _account(self, wish: AccountRequest) -> tuple[AccountSettings, Account]:
        said, scenario = wish.said, wish.scenario
        settings = said.over(AccountSettings())
        scripted = overrides_of(scenario, settings.name)
        before = (
            said if scripted is None else said.before(AccountOverrides(scripted.settings, scripted.said - {"auth_key"}))
        )
        profile = self._profile_of(None if scenario is None else scenario.profile)
        seeds = (wish.seed, None if scenario is None else scenario.seed, self._seed)
        return settings, msgspec.structs.replace(
            before.over(AccountSettings()).account(profile),
            rules=NO_RULES if scenario is None else CompiledRules(scenario.book),
            seed=next(seed for seed in seeds if seed is not None),
        )

    async def _begin(self, account: Account, mode: ClockMode | None) -> None:
        """Has the store know the account, with the clock it is to have."""

        def begin(transaction: Transaction) -> None:
            if mode is not None:
                clock = Clock.started(mode, self._wall.now())
                standing = transaction.standing
                transaction.standing = msgspec.structs.replace(standing, clock=clock, rules_since=clock.virtual)

        await self._store.step(account, begin)

    def _change(
        self, current: Account, wish: AccountRequest, settings: AccountSettings
    ) -> Callable[[Account], Account]:
        playing = self._scenarios.playing(current).scenario
        made = settings.account(self._profile_of(None if playing is None else playing.profile))
        fields = {field_of_account(key) for key in wish.said.said}
        if isinstance(wish.said.settings.balance, Money):
            fields.add("currency")
        changes: dict[str, object] = {field: getattr(made, field) for field in fields}
        if wish.seed is not None:
            changes["seed"] = wish.seed
        return lambda account: msgspec.structs.replace(account, **changes)

    async def _balance(self, account: Account) -> None:
        """Brings the balance to what an account starts with."""

        def bring(transaction: Transaction) -> None:
            now = transaction.standing.clock.now(self._wall.now())
            transaction.set_balance(opening_balance(account), "setting", now)

        await self._store.step(account, bring)


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_OCTETS)).decode()


def _with_files_of(before: Callback, callback: Callback) -> Callback:
    return msgspec.structs.replace(callback, ca=before.ca, client_cert=before.client_cert, client_key=before.client_key)


def account_item(account: Account, state: AccountState, now: datetime, settings: Json) -> AccountItem:
    """Returns an account as the API shows it; `settings` are all of its settings as JSON."""
    book = account.rules.book
    return AccountItem(
        name=account.name,
        auth_key=account.auth_key if account.auth_key == "*" else fingerprint(account.auth_key),
        profile=account.profile.name,
        routes=tuple(sorted(account.routes)),
        directions="all" if account.directions is None else tuple(sorted(account.directions)),
        prices={"*" if country is None else str(country): f"{price:f}" for country, price in account.prices.items()},
        currency=account.currency,
        balance="unlimited" if state.balance is None else Money(state.balance, account.currency),
        credit_limit=Money(account.credit_limit, account.currency),
        default_sender=account.default_sender,
        callback=CallbackItem(
            account.callback.url,
            tuple([pause.total_seconds() for pause in account.callback.retries]),
            account.callback.verify,
            account.callback.concurrency,
            account.callback.connect_timeout.total_seconds(),
            account.callback.timeout.total_seconds(),
            account.callback.identity,
            account.callback.ca,
            account.callback.client_cert,
            account.callback.client_key,
        ),
        now=now,
        outstanding=state.outstanding,
        seed=account.seed,
        scenario=book.name or None,
        rules=len(book.rules) + len(book.faults),
        whitelist=tuple(map(str, account.whitelist)),
        settings=settings,
    )


class LedgerListing:
    """The movements of a ledger, newest first."""

    evicted = 0
    """No movement is left out: those of messages that are evicted are summed up in the opening entry."""

    def __init__(self, entries: tuple[LedgerEntry, ...], currency: Currency) -> None:
        self._items = [
            _item(entry, nth, currency) for entry, nth in zip(entries, _places_among_equals(entries), strict=True)
        ]
        self.total = len(self._items)

    def __iter__(self) -> Iterator[LedgerItem]:
        return reversed(self._items)


def ledger_item(entries: tuple[LedgerEntry, ...], entry: LedgerEntry, currency: Currency) -> LedgerItem:
    """Returns the item of one of the entries of a ledger: of one with a `uid`, or of the newest of its reason."""
    return _item(entry, sum(each.reason == entry.reason for each in entries), currency)


def _item(entry: LedgerEntry, nth: int, currency: Currency) -> LedgerItem:
    return LedgerItem(
        f"{entry.reason}-{entry.uid or nth}",
        entry.account,
        entry.uid,
        entry.reason,
        Money(entry.amount, currency),
        Money(entry.balance, currency),
        entry.at,
    )


def _places_among_equals(entries: tuple[LedgerEntry, ...]) -> Iterator[int]:
    """Yields for each entry which one of its reason it is, counted from 1."""
    seen: Counter[LedgerReason] = Counter()
    for entry in entries:
        seen[entry.reason] += 1
        yield seen[entry.reason]
