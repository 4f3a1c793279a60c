"""Accounts while the server runs: makes them, changes them, puts money on them, deletes them.

Accounts of the configuration can be changed too, but not deleted. A change lasts until the account is reset; a
balance is brought to what is said by an entry in the ledger. Deleting aborts the pushes on their way. Whatever is made
or changed is a step of the store, whose directory has the accounts there are.

Spec: none; the unit of isolation is the simulator's own. Reading: R16.
"""

import base64
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import msgspec

from cloudsms_simulator.config.account_body import AccountRequest, Credit, read_account_change, read_new_account
from cloudsms_simulator.config.account_schema import AccountOverrides, AccountSettings, field_of_account
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.sources import JsonTable
from cloudsms_simulator.engine.account import NO_RULES, Account, AccountState, Callback
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
from cloudsms_simulator.services.scenarios import (
    ScenarioService,
    baseline_of,
    created_config,
    held_config,
    overrides_of,
)
from cloudsms_simulator.stores.store import Store

_KEY_OCTETS = 64
"""Written in base64 they are 88 characters, as the platform's own keys."""
_MONEY = frozenset({"balance", "currency"})


class AccountConflictError(Exception):
    """What is asked does not go with the accounts there are, or with what this one is."""


class AccountService:
    """Keeps the accounts of a simulator. Belongs to one event loop; every coroutine may raise StoreError.

    `new_clock` gives an account the clock it begins with, in a mode of its own. `seed` is for accounts that are told
    none, `profile_of` gives the profile of a name, None for the server's. `forgot` hears of each account that is gone.
    """

    def __init__(
        self,
        store: Store,
        scenarios: ScenarioService,
        timekeeper: ClockService,
        wall: WallClock,
        *,
        new_clock: Callable[[Account, ClockMode], Clock],
        seed: int,
        profile_of: Callable[[Literal["spec", "observed"] | None], Profile],
        forgot: Callable[[Account], None] = lambda account: None,
    ) -> None:
        self._store = store
        self._scenarios = scenarios
        self._timekeeper = timekeeper
        self._wall = wall
        self._new_clock = new_clock
        self._seed = seed
        self._profile_of = profile_of
        self._forgot = forgot
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
            settings, account = self._account(wish)
            config = created_config(account, settings, wish.scenario, made=True)

            def check(transaction: Transaction) -> None:
                if transaction.config is not None:
                    raise AccountConflictError(f'there is an account "{name}" already; want a name of its own')

            def clear(transaction: Transaction) -> None:
                check(transaction)
                transaction.drop()

            def create(transaction: Transaction) -> Account:
                check(transaction)
                if wish.clock is not None:
                    clock, standing = self._new_clock(account, wish.clock), transaction.standing
                    transaction.standing = msgspec.structs.replace(standing, clock=clock, rules_since=clock.virtual)
                return transaction.configure(config)

            # What may be left of one that is gone goes first: the new one has a clock of its own.
            await self._store.step(account, clear)
            try:
                created = await self._store.step(account, create)
            except ValueError as error:
                raise AccountConflictError(f"{error}; want a key of its own, or none for a new one") from error
            await self._store.fresh(account)
            return created

    def made(self, account: Account) -> bool:
        """Whether an account was made here, not by the configuration."""
        config = self._store.config(account)
        return config is not None and config.made

    async def change(self, account: Account, table: JsonTable) -> Account:
        """Changes what a body says of an account, until it is reset; the rest stays as it is.

        A balance is brought to what is said by an entry in the ledger. A callback that is said keeps the files of the
        one there was: only the configuration can name them. Raises SettingsError with every mistake in the
        body, AccountConflictError for another currency, CalledOffError when the account is deleted meanwhile.
        """
        wish = read_account_change(table)

        def change(transaction: Transaction) -> Account:
            config = held_config(transaction)
            current, baseline = config.account, baseline_of(config)
            settings = wish.said.over(baseline.settings_now)
            if "callback" in table.values:
                callback = _with_files_of(current.callback, settings.callback)
                settings = msgspec.structs.replace(settings, callback=callback)
            changes = self._changes(wish, settings, baseline.playing.scenario)
            changed = msgspec.structs.replace(current, **changes)
            if changed.currency != current.currency:
                raise AccountConflictError(
                    f'account "{account.name}" keeps its currency, {current.currency}; make another account'
                )
            if _MONEY & wish.said.said:
                now = transaction.standing.clock.now(self._wall.now())
                transaction.set_balance(opening_balance(changed), "setting", now)
            base = msgspec.structs.replace(baseline.changed or baseline.created, **changes)
            baseline = msgspec.structs.replace(baseline, changed=base, changed_settings=settings)
            return transaction.configure(msgspec.structs.replace(config, account=changed, baseline=baseline))

        async with self._timekeeper.turn(account):
            return await self._scenarios.configure(account, change)

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

        entry = await self._store.step(account, put)
        await self._store.fresh(account)
        return entry

    async def delete(self, account: Account) -> None:
        """Deletes an account that was made over the API, with all that is kept of it.

        Pushes on the way are aborted, and nothing scheduled fires afterwards. AccountConflictError for an account of
        the configuration.
        """
        name = account.name
        if not self.made(account):
            raise AccountConflictError(f'account "{name}" is one of the configuration; reset it instead')
        with self._alone_with(name):
            await self._timekeeper.end(account)
            self._forgot(account)

    async def delete_all(self) -> None:
        """Deletes every account that was made over the API."""
        for account in self._store.directory:
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

    def _changes(
        self, wish: AccountRequest, settings: AccountSettings, playing: Scenario | None
    ) -> Mapping[str, object]:
        """What becomes other of an account that plays a scenario, by field."""
        made = settings.account(self._profile_of(None if playing is None else playing.profile))
        fields = {field_of_account(key) for key in wish.said.said}
        if isinstance(wish.said.settings.balance, Money):
            fields.add("currency")
        changes: dict[str, object] = {field: getattr(made, field) for field in fields}
        if wish.seed is not None:
            changes["seed"] = wish.seed
        return changes


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
