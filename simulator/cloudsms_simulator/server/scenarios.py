"""Scenarios in use: what each account plays, and the rules somebody laid down beside it.

A scenario put to use begins anew: counts, named states and its timeline start there and then. Rules laid down by
themselves come before its own, also after the timeline has turned, and leave counts as they are.

Reading: R21, R22.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import chain
from typing import Literal, TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.hearing import hits_of
from cloudsms_simulator.engine.rule_book import Change, FaultRule, Rule, RuleBook
from cloudsms_simulator.engine.rules import Rules
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.server.account_settings import AccountSettings, SaidAccount
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

R = TypeVar("R", bound=Rule | FaultRule)

NOTHING_OWN = RuleBook()
_NOT_SCRIPTED = frozenset({"name", "auth_key"})
"""What stays an account's own, whatever is played."""


class Playing(msgspec.Struct, frozen=True):
    """What an account plays: a scenario, and rules and faults of its own before that."""

    scenario: Scenario | None = None
    own: RuleBook = NOTHING_OWN
    """Only its rules and faults count."""

    @property
    def book(self) -> RuleBook:
        """Both in one."""
        return _under(self.own, RuleBook() if self.scenario is None else self.scenario.book)


class Counted(msgspec.Struct, frozen=True):
    """A rule or a fault that an account has, the book it stands in, and how often it decided."""

    rule: Rule | FaultRule
    book: str
    """The scenario's name, "" for a rule laid down by itself."""
    hits: int


class Scenarios:
    """What the accounts of a simulator play.

    `settings` are those of the accounts that have any, by name. `profile_of` is the profile of that name, None for the
    server's own, with the server's switches. `replaced` is told of each account that is another from now on.
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
        self._settings = settings
        self._profile_of = profile_of
        self._replaced = replaced
        self._playing: dict[str, Playing] = {}

    def playing(self, account: Account) -> Playing:
        """What an account plays."""
        return self._playing.get(account.name, Playing())

    def begin(self, scenario: Scenario) -> None:
        """Notes that every account plays a scenario, as their configuration says already."""
        for account in self._directory:
            self._playing[account.name] = Playing(scenario)

    async def use(self, account: Account, scenario: Scenario | None) -> Account:
        """Puts a scenario to use, None: nothing any more; rules of the account's own are gone. The account as it is.

        What the scenario says of the account, or of `default` when it does not know this one, holds as well, but for
        its name and key; a balance is brought to what it says by an entry in the ledger. May raise StoreError.
        """
        playing = Playing(scenario)
        said = None if scenario is None else _said_of(scenario, account.name)
        changed = msgspec.structs.replace(self._configured(account, scenario, said), rules=Rules(playing.book))
        if scenario is not None and scenario.seed is not None:
            changed = msgspec.structs.replace(changed, seed=scenario.seed)
        await self._begin_anew(account, changed, rebalanced=said is not None and "balance" in said.said)
        self._playing[account.name] = playing
        self._directory.replace(changed)
        self._replaced(changed)
        return changed

    def lay_down(self, account: Account, *, rules: Iterable[Rule] = (), faults: Iterable[FaultRule] = ()) -> Account:
        """Adds rules and faults of the account's own, before all others; one of a known id takes that one's place."""
        own = self.playing(account).own
        return self._with_own(
            account,
            msgspec.structs.replace(own, rules=_first(rules, own.rules), faults=_first(faults, own.faults)),
        )

    def take_back(self, account: Account, ids: Iterable[str] | None = None) -> Account:
        """Removes rules and faults of the account's own, by id or all of them. What the scenario says stays."""
        own = self.playing(account).own
        if ids is None:
            return self._with_own(account, NOTHING_OWN)
        gone = set(ids)
        rules = tuple(rule for rule in own.rules if rule.id not in gone)
        faults = tuple(fault for fault in own.faults if fault.id not in gone)
        return self._with_own(account, msgspec.structs.replace(own, rules=rules, faults=faults))

    def counted(self, account: Account) -> tuple[Counted, ...]:
        """Every rule and fault of an account, those of its timeline too, in their order, with what they have done."""
        playing, tallies = self.playing(account), self._store.tallies(account)
        found = []
        for book in _books(playing.book):
            for rule in chain[Rule | FaultRule](book.rules, book.faults):
                own = rule in playing.own.rules or rule in playing.own.faults
                found.append(Counted(rule, "" if own else book.name, tallies.get(hits_of(book.name, rule.id), 0)))
        return tuple(found)

    def _with_own(self, account: Account, own: RuleBook) -> Account:
        playing = Playing(self.playing(account).scenario, own)
        changed = msgspec.structs.replace(account, rules=Rules(playing.book))
        self._playing[account.name] = playing
        self._directory.replace(changed)
        self._replaced(changed)
        return changed

    def _configured(self, account: Account, scenario: Scenario | None, said: SaidAccount | None) -> Account:
        base = self._settings.get(account.name)
        if base is None or (said is None and (scenario is None or scenario.profile is None)):
            return account
        if said is not None:
            base = SaidAccount(said.settings, said.said - _NOT_SCRIPTED).over(base)
        made = base.account(self._profile_of(None if scenario is None else scenario.profile))
        callback = made.callback if said is not None and "callback" in said.said else account.callback
        return msgspec.structs.replace(made, callback=callback, seed=account.seed)

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


def _said_of(scenario: Scenario, name: str) -> SaidAccount | None:
    by_name = {each.settings.name: each for each in scenario.accounts}
    return by_name.get(name) or by_name.get("default")


def _first(added: Iterable[R], known: tuple[R, ...]) -> tuple[R, ...]:
    ahead = tuple(added)
    ids = {each.id for each in ahead}
    return (*ahead, *(each for each in known if each.id not in ids))


def _under(own: RuleBook, book: RuleBook) -> RuleBook:
    """A book with the rules of another before its own, in every book of its timeline too."""
    if not own.rules and not own.faults:
        return book
    turned = tuple(
        Change(book=_under(own, change.book), at=change.at, messages=change.messages) for change in book.timeline
    )
    rules, faults = (*own.rules, *book.rules), (*own.faults, *book.faults)
    return msgspec.structs.replace(book, rules=rules, faults=faults, timeline=turned)


def _books(book: RuleBook) -> tuple[RuleBook, ...]:
    return (book, *(change.book for change in book.timeline))


def _now(clock: Clock, wall: WallClock) -> datetime:
    return clock.now(wall.now())
