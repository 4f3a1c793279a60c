"""Scenarios in use: what accounts play, what is laid down beside it, and what a reset brings back."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec
import pytest
from patience import STORY

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_file import parse_scenario
from cloudsms_simulator.engine.account import Account, AccountConfig
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.records import Message
from cloudsms_simulator.engine.rules import CompiledRules, FaultRule, ReplyStep, Rule, RuleBook, RuleBookChange
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, PROFILES, SPEC
from cloudsms_simulator.services.scenarios import ActiveScenario, ScenarioService, created_config

HOUR = timedelta(hours=1)
BUSY, OK, INTERCEPT = ResultCode.BUSY, ResultCode.OK, ResultCode.INTERCEPT
MINE = Rule(id="mine", replies=(ReplyStep(INTERCEPT, 1),))
DROPS = FaultRule(id="drops", fault=Fault.DRIBBLE, times=1)
SHOP = AccountSettings(name="shop", auth_key="the shop's own key", prices={None: Decimal("0.10")})


def scenario(text: str, name: str = "night") -> Scenario:
    return parse_scenario(f"version: 1\nname: {name}\n{text}")


BUSY_TWICE = scenario("rules: [{ id: busy, reply: [{ code: Busy, times: 2 }, OK] }]")
STORM = RuleBook(name="storm", rules=(Rule(id="storming", replies=(ReplyStep(INTERCEPT),)),))
TURNING = Scenario(
    name="turning",
    path=Path("turning.yaml"),
    book=RuleBook(name="turning", timeline=(RuleBookChange(book=STORM, at=HOUR),)),
)
POOR = scenario("accounts: [{ name: default, balance: '0.25', routes: [VerifyCode_516], prices: { '*': '0.01' } }]")


class Stage(Protocol):
    """What of a stage is used here."""

    def receive(
        self, count: int = 1, account: Account | None = None, **fields: object
    ) -> Coroutine[None, None, tuple[object, tuple[Message, ...]]]: ...


class Play:
    """A stage whose accounts play scenarios."""

    def __init__(
        self, stage: type[Stage], *said: AccountSettings, begun: Scenario | None = None, seed: int = 7
    ) -> None:
        self.settings = said or (AccountSettings(),)
        rules = CompiledRules(ActiveScenario(begun).book)
        accounts = [msgspec.structs.replace(each.account(SPEC), seed=seed, rules=rules) for each in self.settings]
        self.stage = stage(
            configs=[created_config(each, said, begun) for each, said in zip(accounts, self.settings, strict=True)]
        )
        self.store = self.stage.store
        self.replaced: list[Account] = []
        self.scenarios = ScenarioService(
            self.store,
            self.stage.wall,
            lambda named: PROFILES[named or "spec"],
            self.replaced.append,
        )

    def account(self, name: str = "default") -> Account:
        found = self.stage.directory.named(name)
        assert found is not None
        return found

    @property
    def balance(self) -> Decimal | None:
        return self.store.standing(self.account()).balance

    @property
    def ledger(self) -> tuple[LedgerEntry, ...]:
        return self.store.ledger(self.account())

    async def use(self, played: Scenario | None, seed: int | None = None) -> Account:
        return await self.scenarios.use(self.account(), played, seed)

    async def code(self, name: str = "default") -> ResultCode:
        """What a request is answered."""
        reply, _ = await self.stage.receive(1, self.account(name))
        return reply.code  # type: ignore[attr-defined, no-any-return]

    async def codes(self, count: int) -> list[ResultCode]:
        return [await self.code() for _ in range(count)]

    async def advance(self, by: timedelta) -> None:
        await self.stage.timekeeper.advance(self.account(), by, HOUR)

    async def reset(self) -> Account:
        return await self.stage.timekeeper.reset(self.account())

    def hits(self) -> list[tuple[str, str, int]]:
        return [(each.rule.id, each.book, each.hits) for each in self.scenarios.counted(self.account())]


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story, STORY))


@pytest.fixture
def play(stage: type[Stage]) -> Callable[..., Play]:
    return lambda *said, **how: Play(stage, *said, **how)


def reasons(ledger: Iterable[LedgerEntry]) -> list[tuple[str, Decimal, Decimal]]:
    return [(entry.reason, entry.amount, entry.balance) for entry in ledger]


# A scenario is put to use


def test_at_first_nothing_is_played(play) -> None:
    here = play()

    assert here.scenarios.playing(here.account()) == ActiveScenario()
    assert here.scenarios.counted(here.account()) == ()


def test_a_scenario_decides_on_the_requests_that_come(play) -> None:
    async def story() -> None:
        here = play()
        before = here.account()
        account = await here.use(BUSY_TWICE)
        assert account is here.account()
        assert here.replaced == [account]
        assert here.scenarios.playing(before) == ActiveScenario(BUSY_TWICE)
        assert await here.codes(3) == [BUSY, BUSY, OK]
        assert here.hits() == [("busy", "night", 3)]

    tell(story())


def test_put_to_use_again_it_begins_anew(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(TURNING)
        await here.advance(HOUR)
        assert await here.code() is INTERCEPT
        await here.use(TURNING)
        assert here.store.standing(here.account()).rules_since == here.stage.clock().virtual
        assert await here.code() is OK
        assert here.hits() == [("storming", "storm", 0)]
        await here.advance(HOUR)
        assert await here.code() is INTERCEPT

    tell(story())


def test_what_was_planned_before_stays_planned(play) -> None:
    async def story() -> None:
        here = play(begun=scenario("defaults: { report: [{ state: REJECTED, after: 10m }] }"))
        assert await here.code() is OK
        await here.use(BUSY_TWICE)
        await here.advance(HOUR)
        (message,) = here.store.messages(here.account())
        assert (message.state, message.rule) == (8, None)

    tell(story())


def test_with_none_in_use_requests_are_answered_as_ever(play) -> None:
    async def story() -> None:
        here = play(begun=BUSY_TWICE)
        created = here.account()
        account = await here.use(None)
        assert here.scenarios.playing(account) == ActiveScenario()
        assert msgspec.structs.replace(account, rules=created.rules) == created
        assert await here.code() is OK

    tell(story())


def test_the_next_scenario_begins_where_the_account_began(play) -> None:
    async def story() -> None:
        here = play()
        created = here.account()
        await here.use(POOR)
        account = await here.use(BUSY_TWICE)
        assert msgspec.structs.replace(account, rules=created.rules) == created

    tell(story())


def test_only_the_account_asked_for_has_another_scenario(play) -> None:
    async def story() -> None:
        here = play(AccountSettings(), SHOP, begun=BUSY_TWICE)
        await here.use(None)
        assert [await here.code(), await here.code("shop")] == [OK, BUSY]

    tell(story())


# What a scenario says of accounts


def test_what_it_says_of_the_account_holds_and_what_it_does_not_say_stays(play) -> None:
    async def story() -> None:
        here = play(AccountSettings(default_sender="Before", currency="HKD"))
        account = await here.use(POOR)
        assert (account.routes, account.prices) == ({"VerifyCode_516"}, {None: Decimal("0.01")})
        assert (account.default_sender, account.currency) == ("Before", "HKD")

    tell(story())


def test_an_account_it_does_not_know_has_what_it_says_of_the_default_one_but_its_own_name_and_key(play) -> None:
    async def story() -> None:
        here = play(AccountSettings(), SHOP)
        default, stall = (
            "{ name: default, auth_key: y, credit_limit: 5 }",
            "{ name: stall, auth_key: x, rate_limit: 1 }",
        )
        account = await here.scenarios.use(here.account("shop"), scenario(f"accounts: [{default}, {stall}]"))
        assert (account.name, account.auth_key, account.credit_limit) == ("shop", SHOP.auth_key, Decimal(5))
        assert (account.prices, account.rate_limit) == (SHOP.prices, None)
        assert here.account().credit_limit == 0

    tell(story())


def test_what_it_says_of_an_account_counts_before_what_it_says_of_the_default_one(play) -> None:
    async def story() -> None:
        here = play(AccountSettings(), SHOP)
        text = "accounts: [{ name: default, credit_limit: 5 }, { name: shop, rate_limit: 1 }]"
        account = await here.scenarios.use(here.account("shop"), scenario(text))
        assert (account.credit_limit, account.rate_limit) == (0, 1)

    tell(story())


def test_its_profile_holds_unless_the_account_has_its_own(play) -> None:
    async def story() -> None:
        here = play(AccountSettings(), msgspec.structs.replace(SHOP, profile="spec"))
        observed = scenario("profile: observed")
        assert (await here.use(observed)).profile == OBSERVED
        assert (await here.scenarios.use(here.account("shop"), observed)).profile == SPEC
        assert (await here.use(BUSY_TWICE)).profile == SPEC

    tell(story())


def test_its_callback_comes_in_place_of_the_one_there_was(play) -> None:
    async def story() -> None:
        here = play()
        kept = msgspec.structs.replace(here.account().callback, url="http://a/")
        account = msgspec.structs.replace(here.account(), callback=kept)
        here.stage.configure(created_config(account, AccountSettings(), BUSY_TWICE))
        assert (await here.use(POOR)).callback == kept
        text = "accounts: [{ name: default, callback: { url: 'http://b/', retries: [1s] } }]"
        callback = (await here.use(scenario(text))).callback
        assert (callback.url, callback.retries) == ("http://b/", (timedelta(seconds=1),))
        assert (await here.use(None)).callback == kept

    tell(story())


@pytest.mark.parametrize(
    ("text", "seed", "expected"),
    [("", None, 7), ("seed: 42", None, 42), ("seed: 42", 3, 3), ("", 0, 0)],
)
def test_a_seed_that_is_said_counts_before_the_scenario_s_and_that_before_the_account_s(
    play, text: str, seed: int | None, expected: int
) -> None:
    async def story() -> None:
        here = play()
        assert (await here.use(scenario(text), seed)).seed == expected
        assert (await here.use(None)).seed == 7

    tell(story())


def test_with_none_in_use_a_seed_holds_too(play) -> None:
    async def story() -> None:
        assert (await play().use(None, 3)).seed == 3

    tell(story())


def test_an_account_without_settings_has_only_the_rules_and_the_seed(stage: type[Stage]) -> None:
    async def story() -> None:
        here = Play(stage)
        here.stage.configure(AccountConfig(account=here.account()))
        scenarios = ScenarioService(here.store, here.stage.wall, lambda _: SPEC, here.replaced.append)
        text = "profile: observed\nseed: 5\naccounts: [{ name: default, credit_limit: 5 }]"
        account = await scenarios.use(here.account(), scenario(text))
        assert (account.profile, account.seed, account.credit_limit) == (SPEC, 5, 0)

    tell(story())


# Money


def test_a_balance_it_speaks_of_is_brought_to_that_by_an_entry_in_the_ledger(play) -> None:
    async def story() -> None:
        here = play()
        assert await here.code() is OK
        await here.use(POOR)
        assert here.balance == Decimal("0.25")
        assert reasons(here.ledger) == [
            ("opening", Decimal(1000), Decimal(1000)),
            ("debit", Decimal("-0.05"), Decimal("999.95")),
            ("scenario", Decimal("-999.70"), Decimal("0.25")),
        ]
        assert sum(entry.amount for entry in here.ledger) == here.balance

    tell(story())


def test_the_next_scenario_brings_it_back_and_one_after_that_leaves_it(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(POOR)
        await here.use(BUSY_TWICE)
        assert here.balance == Decimal(1000)
        await here.codes(3)
        await here.use(None)
        assert here.balance == Decimal("999.95")
        assert [entry.reason for entry in here.ledger] == ["opening", "scenario", "scenario", "debit"]

    tell(story())


def test_a_balance_that_is_right_already_moves_nothing(play) -> None:
    async def story() -> None:
        here = play(AccountSettings(balance=Decimal("0.25")))
        await here.use(POOR)
        assert reasons(here.ledger) == [("opening", Decimal("0.25"), Decimal("0.25"))]

    tell(story())


def test_without_a_balance_money_stays_as_it_is(play) -> None:
    async def story() -> None:
        here = play()
        await here.code()
        await here.use(BUSY_TWICE)
        assert here.balance == Decimal("999.95")

    tell(story())


def test_an_unlimited_balance_comes_and_goes(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(scenario("accounts: [{ name: default, balance: unlimited }]"))
        assert here.balance is None
        assert await here.code() is OK
        await here.use(None)
        assert here.balance == Decimal(1000)
        assert sum(entry.amount for entry in here.ledger) == here.balance

    tell(story())


# Rules of the account's own


def test_a_rule_of_ones_own_comes_before_the_scenario_s_and_leaves_its_counts_alone(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(BUSY_TWICE)
        assert await here.code() is BUSY
        account = await here.scenarios.add_rules(here.account(), rules=[MINE])
        assert here.replaced[-1] is account is here.account()
        assert await here.codes(3) == [INTERCEPT, BUSY, OK]
        assert here.hits() == [("mine", "", 1), ("busy", "night", 3)]

    tell(story())


def test_a_rule_of_ones_own_goes_with_the_timeline(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(TURNING)
        await here.scenarios.add_rules(here.account(), rules=[Rule(id="mine", replies=(ReplyStep(BUSY),))])
        assert await here.code() is BUSY
        await here.advance(HOUR)
        assert await here.code() is BUSY
        assert here.hits() == [("mine", "", 2), ("storming", "storm", 0)]
        await here.scenarios.remove_rules(here.account())
        assert await here.code() is INTERCEPT

    tell(story())


def test_the_newest_rule_comes_first_and_one_of_a_known_id_takes_that_one_s_place(play) -> None:
    async def story() -> None:
        here = play()
        again = Rule(id="mine", replies=(ReplyStep(BUSY),))
        await here.scenarios.add_rules(here.account(), rules=[MINE], faults=[DROPS])
        await here.scenarios.add_rules(here.account(), rules=[Rule(id="other")])
        assert here.hits() == [("other", "", 0), ("mine", "", 0), ("drops", "", 0)]
        await here.scenarios.add_rules(here.account(), rules=[again])
        assert here.scenarios.playing(here.account()).own.rules == (again, Rule(id="other"))
        assert here.scenarios.playing(here.account()).own.faults == (DROPS,)

    tell(story())


def test_a_rule_laid_down_again_counts_from_nothing_and_the_others_count_on(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(BUSY_TWICE)
        await here.scenarios.add_rules(here.account(), rules=[MINE])
        assert await here.codes(2) == [INTERCEPT, BUSY]
        await here.scenarios.remove_rules(here.account(), ["mine"])
        await here.scenarios.add_rules(here.account(), rules=[MINE])
        assert here.hits() == [("mine", "", 0), ("busy", "night", 1)]
        assert await here.codes(3) == [INTERCEPT, BUSY, OK]

    tell(story())


def test_a_fault_laid_down_again_strikes_again(play) -> None:
    async def story() -> None:
        here = play()
        for _ in range(2):
            await here.scenarios.add_rules(here.account(), faults=[DROPS])
            await here.codes(2)
            assert here.hits() == [("drops", "", 1)]

    tell(story())


def test_rules_are_taken_back_by_id_or_all_of_them_and_the_scenario_s_stay(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(BUSY_TWICE)
        await here.scenarios.add_rules(here.account(), rules=[MINE, Rule(id="more")], faults=[DROPS])
        await here.scenarios.remove_rules(here.account(), ["mine", "busy", "nothing"])
        assert [name for name, _, _ in here.hits()] == ["more", "drops", "busy"]
        await here.scenarios.remove_rules(here.account(), ["drops"])
        assert [name for name, _, _ in here.hits()] == ["more", "busy"]
        account = await here.scenarios.remove_rules(here.account())
        assert here.replaced[-1] is account is here.account()
        assert [name for name, _, _ in here.hits()] == ["busy"]

    tell(story())


def test_another_scenario_ends_the_rules_of_ones_own(play) -> None:
    async def story() -> None:
        here = play()
        await here.scenarios.add_rules(here.account(), rules=[MINE])
        await here.use(BUSY_TWICE)
        assert here.hits() == [("busy", "night", 0)]

    tell(story())


def test_an_account_that_was_replaced_meanwhile_keeps_what_it_is(play) -> None:
    async def story() -> None:
        here = play()
        known_before = here.account()
        await here.use(POOR)
        await here.scenarios.add_rules(known_before, rules=[MINE])
        assert here.account().prices == {None: Decimal("0.01")}
        await here.scenarios.remove_rules(known_before)
        assert here.account().prices == {None: Decimal("0.01")}

    tell(story())


# Resets


@pytest.mark.parametrize("begun", [None, BUSY_TWICE])
def test_a_reset_brings_back_what_was_played_at_first(play, begun: Scenario | None) -> None:
    async def story() -> None:
        here = play(begun=begun)
        created = here.account()
        await here.use(POOR, 3)
        await here.scenarios.add_rules(here.account(), rules=[MINE])
        await here.code()
        await here.advance(HOUR)
        assert await here.reset() is created
        assert here.account() is created
        assert here.scenarios.playing(created) == ActiveScenario(begun)
        assert here.balance == Decimal(1000)
        assert here.store.standing(created).rules_since == here.stage.clock().virtual
        assert await here.codes(3) == ([OK] * 3 if begun is None else [BUSY, BUSY, OK])

    tell(story())


def test_who_moves_clocks_is_told_of_a_restored_account_only_once_the_store_is_empty(play) -> None:
    async def story() -> None:
        here = play()
        await here.use(BUSY_TWICE)
        told = len(here.replaced)
        await here.reset()
        assert len(here.replaced) == told

    tell(story())


# A scenario that is edited


def test_an_account_that_plays_what_it_began_with_plays_the_edited_one(play) -> None:
    async def story() -> None:
        here = play(begun=BUSY_TWICE)
        edited = scenario("rules: [{ id: busy, reply: Intercept }]\naccounts: [{ name: default, balance: 5 }]")
        account = await here.scenarios.replace_first_scenario(here.account(), edited)
        assert account is here.account()
        assert (await here.code(), here.balance) == (INTERCEPT, Decimal(5))
        await here.use(None)
        await here.reset()
        assert here.scenarios.playing(here.account()) == ActiveScenario(edited)
        assert (await here.code(), here.balance) == (INTERCEPT, Decimal(5))

    tell(story())


def test_an_account_that_plays_another_plays_on_until_it_is_reset(play) -> None:
    async def story() -> None:
        here = play(begun=BUSY_TWICE)
        other = scenario("rules: [{ reply: Unpriced_area }]", "other")
        edited = scenario("rules: [{ id: busy, reply: Intercept }]")
        await here.use(other)
        assert await here.scenarios.replace_first_scenario(here.account(), edited) is here.account()
        assert here.scenarios.playing(here.account()) == ActiveScenario(other)
        await here.reset()
        assert await here.code() is INTERCEPT
        await here.scenarios.replace_first_scenario(here.account(), BUSY_TWICE)
        assert await here.code() is BUSY

    tell(story())
