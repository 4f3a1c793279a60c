"""Scenarios in use: what each account plays, the rules somebody added beside it, and the watcher of their files.

A scenario put to use begins anew: counts, named states and its timeline start there and then. It says what becomes of
requests from now on; what was planned for messages before stays planned. Rules added by themselves come before its own,
also after the timeline has turned, count from nothing, and leave other counts as they are. `ActiveScenario` is what an
account plays now; `AccountBaseline` is how it was created, for a reset. Both are kept in the store with the account,
and each change of them is a step there.

The `Watcher` reads the files of a scenario again when they change, and has what they say put to use. It looks at them
now and then, which works wherever files are: in containers and on network drives too. What is wrong with an edit is
told once, and what was played goes on meanwhile.

Reading: R21, R22.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_schema import AccountOverrides, AccountSettings
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.engine.account import NO_RULES, Account, AccountConfig
from cloudsms_simulator.engine.billing import opening_balance
from cloudsms_simulator.engine.evaluation import hits_counter
from cloudsms_simulator.engine.rules import CompiledRules, FaultRule, Rule, RuleBook, RuleBookChange
from cloudsms_simulator.engine.transaction import RuleCounter, Transaction
from cloudsms_simulator.models.account import RuleItem, RuleKind
from cloudsms_simulator.models.server import unread_json
from cloudsms_simulator.net.certificates import CertificateError
from cloudsms_simulator.net.runtime import CalledOffError
from cloudsms_simulator.net.sockets import ListenError
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.stores.store import Store, StoreError


class ActiveScenario(msgspec.Struct, frozen=True):
    """What an account plays: a scenario, and rules and faults of its own before that."""

    scenario: Scenario | None = None
    own: RuleBook = RuleBook()
    """Only its rules and faults count."""
    off: frozenset[str] = frozenset()
    """Ids of rules and faults that are switched off: they are there, and decide nothing."""

    @property
    def book(self) -> RuleBook:
        """Both in one, without what is switched off."""
        return _without_rules(self.off, _with_rules_before(self.own, self._scripted))

    @property
    def books(self) -> tuple[RuleBook, ...]:
        """The scenario's own book, then those of its timeline, each name once; without what is the account's own."""
        found = {self._scripted.name: self._scripted}
        for change in self._scripted.timeline:
            found.setdefault(change.book.name, change.book)
        return tuple(found.values())

    @property
    def states(self) -> tuple[str, ...]:
        """The named states that there are whatever the timeline has come to, in their order."""
        first, *others = self.books
        return tuple(state for state in first.states if all(state in book.states for book in others))

    @property
    def _scripted(self) -> RuleBook:
        return RuleBook() if self.scenario is None else self.scenario.book


class CountedRule(msgspec.Struct, frozen=True):
    """A rule or a fault that an account has, the book it stands in, and how often it decided."""

    rule: Rule | FaultRule
    book: str
    """The scenario's name, "" for a rule laid down by itself."""
    hits: int
    enabled: bool = True
    """False: it is switched off."""

    @property
    def is_own(self) -> bool:
        """Whether it was laid down by itself."""
        return self.book == ""


def counted_rules(playing: ActiveScenario, tallies: Mapping[RuleCounter, int]) -> tuple[CountedRule, ...]:
    """Every rule and fault with what it has done: the account's own, then each scenario's, in their order.

    What is the account's own counts whatever the timeline has come to.
    """
    names = [book.name for book in playing.books]
    own = [
        CountedRule(
            rule, "", sum(tallies.get(hits_counter(name, rule.id), 0) for name in names), rule.id not in playing.off
        )
        for rule in chain[Rule | FaultRule](playing.own.rules, playing.own.faults)
    ]
    scripted = [
        CountedRule(rule, book.name, tallies.get(hits_counter(book.name, rule.id), 0), rule.id not in playing.off)
        for book in playing.books
        for rule in chain[Rule | FaultRule](book.rules, book.faults)
    ]
    return (*own, *scripted)


def rule_of_counter(tally: RuleCounter) -> str | None:
    """The id of the rule or the fault that something is counted for; None when it is for none."""
    what, rule, _ = tally
    if what == "hits":
        return rule.rpartition("/")[2]
    return rule if what.startswith(("rule ", "fault ")) else None


def _with_rules_before(own: RuleBook, book: RuleBook) -> RuleBook:
    """A book with the rules of another before its own, in every book of its timeline too."""
    if not own.rules and not own.faults:
        return book
    turned = tuple(
        RuleBookChange(book=_with_rules_before(own, change.book), at=change.at, messages=change.messages)
        for change in book.timeline
    )
    rules, faults = (*own.rules, *book.rules), (*own.faults, *book.faults)
    return msgspec.structs.replace(book, rules=rules, faults=faults, timeline=turned)


def _without_rules(off: Set[str], book: RuleBook) -> RuleBook:
    """A book without rules and faults of these ids, in every book of its timeline too."""
    if not off:
        return book
    turned = tuple(
        RuleBookChange(book=_without_rules(off, change.book), at=change.at, messages=change.messages)
        for change in book.timeline
    )
    rules = tuple(rule for rule in book.rules if rule.id not in off)
    faults = tuple(fault for fault in book.faults if fault.id not in off)
    return msgspec.structs.replace(book, rules=rules, faults=faults, timeline=turned)


class AccountBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """How an account came to be what it is: as it was created, what was changed since, and what it plays."""

    settings: AccountSettings | None = None
    """As it was created with; None for an account that was made without any."""
    created: Account
    began: ActiveScenario = ActiveScenario()
    """What it played at first."""
    playing: ActiveScenario = ActiveScenario()
    changed: Account | None = None
    """As it was changed over the API, before what its scenario says; None when it was not."""
    changed_settings: AccountSettings | None = None

    @property
    def settings_now(self) -> AccountSettings:
        """The settings of the account, changes included; what scenarios say of it aside."""
        created = self.created
        return self.changed_settings or self.settings or AccountSettings(name=created.name, auth_key=created.auth_key)


def created_config(
    account: Account, settings: AccountSettings | None, scenario: Scenario | None, *, made: bool = False
) -> AccountConfig:
    """What is kept of an account that is created, and plays a scenario, as it says already. `made`: over the API."""
    active = ActiveScenario(scenario)
    baseline = AccountBaseline(settings=settings, created=account, began=active, playing=active)
    return AccountConfig(account=account, baseline=baseline, made=made)


def reset_config(config: AccountConfig) -> AccountConfig:
    """What is kept of an account that is as it was created again: with the scenario there was, and no own rules."""
    baseline = baseline_of(config)
    anew = msgspec.structs.replace(baseline, playing=baseline.began, changed=None, changed_settings=None)
    return msgspec.structs.replace(config, account=baseline.created, baseline=anew)


def baseline_of(config: AccountConfig) -> AccountBaseline:
    """How the account came to be so; one of which nothing is known was created as it is."""
    baseline = config.baseline
    return baseline if isinstance(baseline, AccountBaseline) else AccountBaseline(created=config.account)


def held_config(transaction: Transaction) -> AccountConfig:
    """What is configured of a step's account. CalledOffError when there is none of that name any more."""
    if transaction.config is None:
        raise CalledOffError("deleted")
    return transaction.config


AnyRule = TypeVar("AnyRule", bound=Rule | FaultRule)

_NEVER_OVERRIDDEN = frozenset({"name", "auth_key"})
"""What stays an account's own, whatever is played."""
_MONEY = frozenset({"balance", "currency"})


class ScenarioService:
    """What the accounts of a simulator play.

    `profile_of` is the profile of that name, None for the server's own, with the server's switches. `replaced` is told
    of each account that is another from now on. Of an account that is asked for only the name counts: it may have been
    replaced. Every coroutine may raise StoreError, and CalledOffError when the account is gone.
    """

    def __init__(
        self,
        store: Store,
        wall: WallClock,
        profile_of: Callable[[Literal["spec", "observed"] | None], Profile],
        replaced: Callable[[Account], None],
    ) -> None:
        self._store = store
        self._wall = wall
        self._profile_of = profile_of
        self._replaced = replaced

    def baseline(self, account: Account) -> AccountBaseline:
        """How an account came to be what it is."""
        return baseline_of(self._store.config(account) or AccountConfig(account=account))

    def playing(self, account: Account) -> ActiveScenario:
        """What an account plays."""
        return self.baseline(account).playing

    async def configure(self, account: Account, decide: Callable[[Transaction], Account]) -> Account:
        """Takes a step that makes an account another one; the account."""
        changed = await self._store.step(account, decide)
        await self._store.fresh(account)
        self._replaced(changed)
        return changed

    async def use(self, account: Account, scenario: Scenario | None, seed: int | None = None) -> Account:
        """Puts a scenario to use, None: nothing any more; rules of the account's own are gone. The account as it is.

        What the scenario says of the account, or of `default` when it does not know this one, holds as well, but for
        its name and key; what it does not say is as the account was created. A balance it speaks of is brought to what
        it says by an entry in the ledger, and back again by the next scenario. `seed` counts before the scenario's.
        What was planned for messages stays planned. Only in a turn of the timekeeper's.
        """
        return await self.configure(account, partial(self._use, scenario=scenario, seed=seed))

    async def replace_first_scenario(self, account: Account, scenario: Scenario) -> Account:
        """Takes a scenario for the one the account began with, which was edited: from now on a reset brings back this.

        An account that plays what it began with has it put to use, as `use` does; another plays on. The account.
        """

        def replace(transaction: Transaction) -> Account:
            baseline = baseline_of(held_config(transaction))
            made = self._made(baseline, scenario, None)
            if baseline.playing.scenario is baseline.began.scenario:
                made = self._use(transaction, scenario, None)
            config = held_config(transaction)
            anew = msgspec.structs.replace(baseline_of(config), created=made, began=ActiveScenario(scenario))
            return transaction.configure(msgspec.structs.replace(config, baseline=anew))

        return await self.configure(account, replace)

    async def add_rules(
        self, account: Account, *, rules: Iterable[Rule] = (), faults: Iterable[FaultRule] = ()
    ) -> Account:
        """Adds rules and faults of the account's own, before all others; one of a known id takes that one's place.

        Whatever had their ids counts from nothing. No id may be one of the scenario's, and states they go to must be
        there in every book of its timeline.
        """
        added, more = tuple(rules), tuple(faults)
        ids = {each.id for each in chain[Rule | FaultRule](added, more)}

        def add(transaction: Transaction) -> Account:
            playing = baseline_of(held_config(transaction)).playing
            own = playing.own
            own = msgspec.structs.replace(own, rules=_first(added, own.rules), faults=_first(more, own.faults))
            counted = [tally for tally in transaction.tallies if rule_of_counter(tally) in ids]
            if counted:
                transaction.tallied = dict.fromkeys(counted, 0)
            return _play(transaction, msgspec.structs.replace(playing, own=own, off=playing.off - ids))

        return await self.configure(account, add)

    async def remove_rules(self, account: Account, ids: Iterable[str] | None = None) -> Account:
        """Removes rules and faults of the account's own, by id or all of them. What the scenario says stays."""
        named = None if ids is None else frozenset(ids)

        def remove(transaction: Transaction) -> Account:
            playing = baseline_of(held_config(transaction)).playing
            own = playing.own
            gone = {each.id for each in chain[Rule | FaultRule](own.rules, own.faults)} if named is None else named
            rules = tuple(rule for rule in own.rules if rule.id not in gone)
            faults = tuple(fault for fault in own.faults if fault.id not in gone)
            own = msgspec.structs.replace(own, rules=rules, faults=faults)
            return _play(transaction, msgspec.structs.replace(playing, own=own, off=playing.off - gone))

        return await self.configure(account, remove)

    async def switch(self, account: Account, id: str, *, on: bool) -> Account:
        """Switches a rule or a fault on or off, the account's own or the scenario's; what it counted stays counted.

        It stays so until another scenario is put to use or the account is reset. The account as it is.
        """

        def switch(transaction: Transaction) -> Account:
            playing = baseline_of(held_config(transaction)).playing
            off = playing.off - {id} if on else playing.off | {id}
            return _play(transaction, msgspec.structs.replace(playing, off=off))

        return await self.configure(account, switch)

    def counted(self, account: Account) -> tuple[CountedRule, ...]:
        """Every rule and fault of an account, those of its timeline too, in their order, with what they have done."""
        return counted_rules(self.playing(account), self._store.tallies(account))

    def _use(self, transaction: Transaction, scenario: Scenario | None, seed: int | None) -> Account:
        config, standing = held_config(transaction), transaction.standing
        baseline, name = baseline_of(config), config.account.name
        changed = self._made(baseline, scenario, seed)
        now = standing.clock.now(self._wall.now())
        transaction.counts_anew = True
        transaction.standing = msgspec.structs.replace(standing, rules_since=now)
        if _speaks_of_money(baseline.playing.scenario, name) or _speaks_of_money(scenario, name):
            transaction.set_balance(opening_balance(changed), "scenario", now)
        anew = msgspec.structs.replace(baseline, playing=ActiveScenario(scenario))
        return transaction.configure(msgspec.structs.replace(config, account=changed, baseline=anew))

    def _made(self, baseline: AccountBaseline, scenario: Scenario | None, seed: int | None) -> Account:
        """The account as it was created, with a scenario."""
        created = baseline.changed or baseline.created
        if scenario is None:
            return msgspec.structs.replace(created, rules=NO_RULES, seed=created.seed if seed is None else seed)
        if seed is None:
            seed = created.seed if scenario.seed is None else scenario.seed
        configured = self._configured(baseline, scenario, overrides_of(scenario, created.name))
        return msgspec.structs.replace(configured, rules=CompiledRules(scenario.book), seed=seed)

    def _configured(self, baseline: AccountBaseline, scenario: Scenario, said: AccountOverrides | None) -> Account:
        created, base = baseline.changed or baseline.created, baseline.changed_settings or baseline.settings
        if base is None or (said is None and scenario.profile is None):
            return created
        if said is not None:
            base = AccountOverrides(said.settings, said.said - _NEVER_OVERRIDDEN).over(base)
        made = base.account(self._profile_of(scenario.profile))
        callback = made.callback if said is not None and "callback" in said.said else created.callback
        return msgspec.structs.replace(made, callback=callback)


def _play(transaction: Transaction, playing: ActiveScenario) -> Account:
    """Has a step's account play something, with all else as it is; the account."""
    config = held_config(transaction)
    account = msgspec.structs.replace(config.account, rules=CompiledRules(playing.book))
    baseline = msgspec.structs.replace(baseline_of(config), playing=playing)
    return transaction.configure(msgspec.structs.replace(config, account=account, baseline=baseline))


def overrides_of(scenario: Scenario | None, name: str) -> AccountOverrides | None:
    """What a scenario says of an account, or of `default` when it does not know this one; None for nothing."""
    if scenario is None:
        return None
    by_name = {each.settings.name: each for each in scenario.accounts}
    return by_name.get(name) or by_name.get("default")


def _speaks_of_money(scenario: Scenario | None, name: str) -> bool:
    said = overrides_of(scenario, name)
    return said is not None and not _MONEY.isdisjoint(said.said)


def _first(added: Iterable[AnyRule], known: tuple[AnyRule, ...]) -> tuple[AnyRule, ...]:
    ahead = tuple(added)
    ids = {each.id for each in ahead}
    return (*ahead, *(each for each in known if each.id not in ids))


_rule_encoder = msgspec.json.Encoder(decimal_format="number")


def rule_kind_of(counted: CountedRule) -> RuleKind:
    """Which of the two it is."""
    return "rule" if isinstance(counted.rule, Rule) else "fault"


def rule_item(counted: CountedRule, warnings: tuple[str, ...] = ()) -> RuleItem:
    """A rule or a fault as the API shows it; its `definition` is what a scenario file would say."""
    # Imported when a rule is shown, as what reads rules is imported when there are any.
    from cloudsms_simulator.config.rule_schema import FAULT, RULE

    definition = unread_json(
        _rule_encoder.encode((RULE if isinstance(counted.rule, Rule) else FAULT).dump(counted.rule))
    )
    book = None if counted.is_own else counted.book
    return RuleItem(counted.rule.id, rule_kind_of(counted), book, counted.hits, counted.enabled, definition, warnings)


LOOK_INTERVAL = timedelta(milliseconds=500)
"""Between one look and the next, in wall time."""

_log = logging.getLogger("cloudsms_simulator.services.watcher")


class FileStamp(msgspec.Struct, frozen=True):
    """What changes when a file is written."""

    modified: int
    size: int
    node: int


_Stamps = Mapping[Path, FileStamp | None]


class Watcher:
    """Watches every file a scenario was made of: its own, those it includes, those of its timeline.

    `use` puts a scenario that was read again to use; it is not asked to when the files say the same as before, so that
    a comment does not make counts begin anew. Belongs to one event loop.
    """

    def __init__(self, scenario: Scenario, use: Callable[[Scenario], Awaitable[None]]) -> None:
        self._scenario = scenario
        self._use = use
        self._stamps: _Stamps = {}
        self._problems: tuple[str, ...] = ()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks now and again, until it is stopped."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Looks no more. A scenario that is being put to use is abandoned half-way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Looks once: reads the files again if one has changed, or as long as something is wrong with them.

        What mends a mistake may be another file, one that is not there yet; hence the latter.
        """
        stamps = await asyncio.to_thread(_stamps_of, self._scenario.files)
        changed = stamps != self._stamps
        if not changed and not self._problems:
            return
        self._stamps = stamps
        try:
            scenario = await asyncio.to_thread(_load, self._scenario.path)
            if is_new := _meaning(scenario) != _meaning(self._scenario):
                await self._use(scenario)
        except SettingsError as error:
            self._complain(error.problems, changed)
        except (StoreError, CertificateError, ListenError) as error:
            self._complain(str(error).splitlines(), changed)
        else:
            self._tell(scenario, is_new)
            self._scenario, self._problems = scenario, ()

    def _complain(self, problems: Sequence[str], changed: bool) -> None:
        told, self._problems = self._problems, tuple(problems)
        if not changed and told == self._problems:
            return
        for problem in problems:
            _log.warning("%s", problem)
        _log.warning("%s cannot be used as it is; what it said before goes on", self._scenario.path)

    def _tell(self, scenario: Scenario, is_new: bool) -> None:
        if is_new:
            for warning in scenario.warnings:
                _log.warning("%s", warning)
            again = "is good again" if self._problems else "has changed"
            _log.info("%s %s: the scenario %s begins anew", scenario.path, again, scenario.name)
        elif self._problems:
            _log.info("%s is good again, and says what it said before", scenario.path)

    async def _run(self) -> None:
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_INTERVAL.total_seconds())
        except Exception:
            _log.exception("%s is not watched any more", self._scenario.path)


def _load(path: Path) -> Scenario:
    from cloudsms_simulator.config.scenario_file import load_scenario

    return load_scenario(path)


def _meaning(scenario: Scenario) -> Scenario:
    """The scenario without what says only where and how it is written."""
    return msgspec.structs.replace(scenario, files=(), origins={}, warnings=())


def _stamps_of(files: Sequence[Path]) -> _Stamps:
    return {path: _stamp_of(path) for path in files}


def _stamp_of(path: Path) -> FileStamp | None:
    """None when the file is not there, or cannot be looked at."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return FileStamp(facts.st_mtime_ns, facts.st_size, facts.st_ino)
