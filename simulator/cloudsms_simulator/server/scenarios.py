"""Scenarios in use: what each account plays, and the rules somebody laid down beside it.

A scenario put to use begins anew: counts, named states and its timeline start there and then. It says what becomes of
requests from now on; what was planned for messages before stays planned. Rules laid down by themselves come before its
own, also after the timeline has turned, count from nothing, and leave other counts as they are.

Reading: R21, R22.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from decimal import Decimal
from itertools import chain
from typing import Literal, TypeVar

import msgspec

from cloudsms_simulator.engine.account import NO_RULES, Account
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.rule_book import FaultRule, Rule, RuleBook
from cloudsms_simulator.engine.rules import Rules
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.server.account_settings import AccountSettings, SaidAccount
from cloudsms_simulator.server.playing import Counted, Playing, counted_rules, counts_for
from cloudsms_simulator.server.remembered import Remembered
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

R = TypeVar("R", bound=Rule | FaultRule)

_NOT_SCRIPTED = frozenset({"name", "auth_key"})
"""What stays an account's own, whatever is played."""
_MONEY = frozenset({"balance", "currency"})


class Scenarios:
    """What the accounts of a simulator play.

    The accounts in the directory are taken as they are by now for created; what the scenario the simulator begins with
    says of them holds already. `settings` are those of the accounts that have any, by name, likewise. `profile_of` is
    the profile of that name, None for the server's own, with the server's switches. `replaced` is told of each account
    that is another from now on. Of an account that is asked for only the name counts: it may have been replaced.
    """

    def __init__(
        self,
        directory: Directory,
        store: Store,
        wall: WallClock,
        settings: Mapping[str, AccountSettings],
        profile_of: Callable[[Literal["spec", "observed"] | None], Profile],
        replaced: Callable[[Account], None],
    ) -> None:
        self._directory = directory
        self._store = store
        self._wall = wall
        self._settings = dict(settings)
        self._profile_of = profile_of
        self._replaced = replaced
        self._playing: dict[str, Playing] = {}
        self._created = {account.name: (account, Playing()) for account in directory}
        self._adjusted: dict[str, tuple[Account, AccountSettings]] = {}
        """Accounts that were changed since they were created, before what any scenario says, with their settings."""

    def playing(self, account: Account) -> Playing:
        """What an account plays."""
        return self._playing.get(account.name, Playing())

    def begin(self, scenario: Scenario) -> None:
        """Notes that every account plays a scenario, as their configuration says already."""
        for account in self._directory:
            self._playing[account.name] = Playing(scenario)
            self._created[account.name] = (account, Playing(scenario))

    def admit(self, account: Account, settings: AccountSettings, scenario: Scenario | None) -> None:
        """Notes an account that is made meanwhile, and what it plays, as its configuration says already."""
        self._settings[account.name] = settings
        self._playing[account.name] = Playing(scenario)
        self._created[account.name] = (account, Playing(scenario))

    def forget(self, name: str) -> None:
        """Forgets an account that is gone."""
        for known in (self._settings, self._playing, self._created, self._adjusted):
            known.pop(name, None)

    def remember(self, account: Account) -> Remembered:
        """All that is known of an account here."""
        created, began = self._created[account.name]
        changed, settings = self._adjusted.get(account.name, (None, None))
        return Remembered(
            settings=self._settings.get(account.name),
            created=created,
            began=began,
            playing=self.playing(account),
            changed=changed,
            changed_settings=settings,
        )

    def recall(self, name: str, remembered: Remembered) -> None:
        """Takes all that for known of an account that was forgotten."""
        self._created[name] = (remembered.created, remembered.began)
        self._playing[name] = remembered.playing
        if remembered.settings is not None:
            self._settings[name] = remembered.settings
        if remembered.changed is not None and remembered.changed_settings is not None:
            self._adjusted[name] = (remembered.changed, remembered.changed_settings)

    def settings_of(self, account: Account) -> AccountSettings:
        """The settings of an account, changes included; what scenarios say of it aside."""
        adjusted = self._adjusted.get(account.name)
        if adjusted is not None:
            return adjusted[1]
        return self._settings.get(account.name) or AccountSettings(name=account.name, auth_key=account.auth_key)

    def adjust(self, account: Account, settings: AccountSettings, change: Callable[[Account], Account]) -> Account:
        """Changes an account, whatever it plays, until it is reset; `settings` are those it has then. The account."""
        base, _ = self._adjusted.get(account.name) or self._created[account.name]
        self._adjusted[account.name] = (change(base), settings)
        return self._put(change(self._current(account)), self.playing(account))

    async def use(self, account: Account, scenario: Scenario | None, seed: int | None = None) -> Account:
        """Puts a scenario to use, None: nothing any more; rules of the account's own are gone. The account as it is.

        What the scenario says of the account, or of `default` when it does not know this one, holds as well, but for
        its name and key; what it does not say is as the account was created. A balance it speaks of is brought to what
        it says by an entry in the ledger, and back again by the next scenario. `seed` counts before the scenario's.
        What was planned for messages stays planned. Only in a turn of the timekeeper's; may raise StoreError.
        """
        before, played = self._current(account), self.playing(account).scenario
        changed = self._made(account, scenario, seed)
        spoke = _speaks_of_money(played, account.name) or _speaks_of_money(scenario, account.name)
        await self._begin_anew(before, changed, rebalanced=spoke)
        return self._put(changed, Playing(scenario))

    async def begin_again(self, account: Account, scenario: Scenario) -> Account:
        """Takes a scenario for the one the account began with, which was edited: from now on a reset brings back this.

        An account that plays what it began with has it put to use, as `use` does; another plays on. The account.
        """
        _, begun = self._created[account.name]
        made = self._made(account, scenario, None)
        if self.playing(account).scenario is begun.scenario:
            made = await self.use(account, scenario)
        self._created[account.name] = (made, Playing(scenario))
        return self._current(account)

    def restore(self, account: Account) -> Account:
        """The account as it was created, in the place of what it is: with the scenario there was, and no own rules.

        For a reset, which empties the store next; `replaced` is not told, since nothing planned may fire meanwhile.
        """
        created, self._playing[account.name] = self._created[account.name]
        self._adjusted.pop(account.name, None)
        self._directory.replace(created)
        return created

    async def lay_down(
        self, account: Account, *, rules: Iterable[Rule] = (), faults: Iterable[FaultRule] = ()
    ) -> Account:
        """Adds rules and faults of the account's own, before all others; one of a known id takes that one's place.

        Whatever had their ids counts from nothing. No id may be one of the scenario's, and states they go to must be
        there in every book of its timeline. May raise StoreError.
        """
        added, more = tuple(rules), tuple(faults)
        own = self.playing(account).own
        own = msgspec.structs.replace(own, rules=_first(added, own.rules), faults=_first(more, own.faults))
        changed = self._with(
            account, own, self.playing(account).off - {each.id for each in chain[Rule | FaultRule](added, more)}
        )
        await self._forget(changed, {each.id for each in chain[Rule | FaultRule](added, more)})
        return changed

    def take_back(self, account: Account, ids: Iterable[str] | None = None) -> Account:
        """Removes rules and faults of the account's own, by id or all of them. What the scenario says stays."""
        playing = self.playing(account)
        own = playing.own
        gone = {each.id for each in chain[Rule | FaultRule](own.rules, own.faults)} if ids is None else set(ids)
        rules = tuple(rule for rule in own.rules if rule.id not in gone)
        faults = tuple(fault for fault in own.faults if fault.id not in gone)
        return self._with(account, msgspec.structs.replace(own, rules=rules, faults=faults), playing.off - gone)

    def switch(self, account: Account, id: str, *, on: bool) -> Account:
        """Switches a rule or a fault on or off, the account's own or the scenario's; what it counted stays counted.

        It stays so until another scenario is put to use or the account is reset. The account as it is.
        """
        playing = self.playing(account)
        return self._with(account, playing.own, playing.off - {id} if on else playing.off | {id})

    def counted(self, account: Account) -> tuple[Counted, ...]:
        """Every rule and fault of an account, those of its timeline too, in their order, with what they have done."""
        return counted_rules(self.playing(account), self._store.tallies(account))

    def _current(self, account: Account) -> Account:
        return self._directory.named(account.name) or account

    def _with(self, account: Account, own: RuleBook, off: frozenset[str]) -> Account:
        playing = Playing(self.playing(account).scenario, own, off)
        return self._put(msgspec.structs.replace(self._current(account), rules=Rules(playing.book)), playing)

    def _put(self, changed: Account, playing: Playing) -> Account:
        self._playing[changed.name] = playing
        self._directory.replace(changed)
        self._replaced(changed)
        return changed

    def _made(self, account: Account, scenario: Scenario | None, seed: int | None) -> Account:
        """The account as it was created, with a scenario."""
        created, _ = self._adjusted.get(account.name) or self._created[account.name]
        if scenario is None:
            return msgspec.structs.replace(created, rules=NO_RULES, seed=created.seed if seed is None else seed)
        if seed is None:
            seed = created.seed if scenario.seed is None else scenario.seed
        configured = self._configured(created, scenario, said_of(scenario, account.name))
        return msgspec.structs.replace(configured, rules=Rules(scenario.book), seed=seed)

    def _configured(self, created: Account, scenario: Scenario, said: SaidAccount | None) -> Account:
        adjusted = self._adjusted.get(created.name)
        base = self._settings.get(created.name) if adjusted is None else adjusted[1]
        if base is None or (said is None and scenario.profile is None):
            return created
        if said is not None:
            base = SaidAccount(said.settings, said.said - _NOT_SCRIPTED).over(base)
        made = base.account(self._profile_of(scenario.profile))
        callback = made.callback if said is not None and "callback" in said.said else created.callback
        return msgspec.structs.replace(made, callback=callback)

    async def _begin_anew(self, account: Account, changed: Account, *, rebalanced: bool) -> None:
        transaction = await self._store.begin(account)
        standing = transaction.standing
        now = _now(standing.clock, self._wall)
        transaction.counts_anew = True
        balance = standing.balance
        if rebalanced:
            balance = None if changed.balance == "unlimited" else changed.balance
            before = sum((entry.amount for entry in self._store.ledger(account)), Decimal(0))
            if balance is not None and balance != before:
                entry = LedgerEntry(account.name, None, "scenario", balance - before, balance, now)
                transaction.entries.append(entry)
        transaction.standing = msgspec.structs.replace(standing, rules_since=now, balance=balance)
        await self._store.commit(transaction)

    async def _forget(self, account: Account, ids: Set[str]) -> None:
        counted = [tally for tally in self._store.tallies(account) if counts_for(tally) in ids]
        if counted:
            transaction = await self._store.begin(account)
            transaction.tallied = dict.fromkeys(counted, 0)
            await self._store.commit(transaction)


def said_of(scenario: Scenario | None, name: str) -> SaidAccount | None:
    """What a scenario says of an account, or of `default` when it does not know this one; None for nothing."""
    if scenario is None:
        return None
    by_name = {each.settings.name: each for each in scenario.accounts}
    return by_name.get(name) or by_name.get("default")


def _speaks_of_money(scenario: Scenario | None, name: str) -> bool:
    said = said_of(scenario, name)
    return said is not None and not _MONEY.isdisjoint(said.said)


def _first(added: Iterable[R], known: tuple[R, ...]) -> tuple[R, ...]:
    ahead = tuple(added)
    ids = {each.id for each in ahead}
    return (*ahead, *(each for each in known if each.id not in ids))


def _now(clock: Clock, wall: WallClock) -> datetime:
    return clock.now(wall.now())
