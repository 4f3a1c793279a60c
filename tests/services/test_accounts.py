"""Accounts that come and go while the server runs."""

import asyncio
import gc
import json
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from patience import DEADLINE

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_body import Credit, read_credit
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.sources import JsonTable, read_json_table
from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.runtime import CalledOffError
from cloudsms_simulator.protocol.profile import OBSERVED, PROFILES, SPEC
from cloudsms_simulator.services.accounts import AccountConflictError, AccountService
from cloudsms_simulator.services.scenarios import ScenarioService, created_config
from cloudsms_simulator.stores.store import StoreError


class Keeping:
    """A keeper on a stage."""

    def __init__(self, stage: object) -> None:
        self.stage = stage
        self.told: list[Account] = []
        self.forgot: list[str] = []
        self.scenarios = ScenarioService(
            stage.store, stage.wall, lambda named: PROFILES[named or "spec"], self.told.append
        )
        self.keeper = AccountService(
            stage.store,
            self.scenarios,
            stage.timekeeper,
            stage.wall,
            new_clock=stage.new_clock,
            seed=42,
            profile_of=lambda named: PROFILES[named or "spec"],
            forgot=lambda account: self.forgot.append(account.name),
        )

    async def create(self, **body: object) -> Account:
        return await self.keeper.create(table(**body))

    async def change(self, account: Account, **body: object) -> Account:
        return await self.keeper.change(account, table(**body))

    def balance(self, account: Account) -> Decimal | None:
        return self.stage.store.standing(account).balance

    def ledger(self, account: Account) -> list[tuple[str, Decimal, Decimal]]:
        return [(each.reason, each.amount, each.balance) for each in self.stage.store.ledger(account)]


def table(**body: object) -> JsonTable:
    return read_json_table(json.dumps(body).encode())


@pytest.fixture
def tell(stage: type) -> Callable[[Callable[[Keeping], Awaitable[None]]], None]:
    """Runs a story about a keeper in a loop of its own."""

    def run(story: Callable[[Keeping], Coroutine[None, None, None]]) -> None:
        async def within_a_minute() -> None:
            async with asyncio.timeout(DEADLINE):
                await story(Keeping(stage()))

        asyncio.run(within_a_minute())

    return run


def test_an_account_of_which_nothing_is_said_is_like_the_default_one_with_a_key_and_a_name_of_its_own(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account, other = await keeping.create(), await keeping.create()
        assert len(account.auth_key) == 88
        assert account == Account(name=account.name, auth_key=account.auth_key, seed=42, rules=account.rules)
        assert len({account.name, other.name, account.auth_key, other.auth_key}) == 4
        assert keeping.stage.directory.find(account.auth_key) is account

    tell(story)


def test_an_account_has_what_is_said_of_it(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(
            name="shop",
            auth_key="the shop's own key",
            routes=["A"],
            prices={"852": 0.07},
            balance={"amount": "10.00", "currency": "HKD"},
            callback={"url": "https://localhost:59999/", "retries": ["1s"]},
            profile="observed",
            seed=7,
            rate_limit=None,
        )
        assert (account.name, account.auth_key, account.routes) == ("shop", "the shop's own key", frozenset({"A"}))
        assert (account.prices, account.balance, account.currency) == ({852: Decimal("0.07")}, Decimal("10.00"), "HKD")
        assert (account.callback.url, account.callback.retries) == ("https://localhost:59999/", (timedelta(seconds=1),))
        assert (account.profile, account.seed, account.rate_limit) == (OBSERVED, 7, None)
        assert keeping.ledger(account) == [("opening", Decimal("10.00"), Decimal("10.00"))]

    tell(story)


@pytest.mark.parametrize(
    ("clock", "mode", "rate"),
    [("real", "real", 1), ("frozen", "frozen", 0), (3600, "scaled", 3600), (0.5, "scaled", 0.5), (None, "frozen", 0)],
)
def test_the_clock_of_an_account_goes_as_is_said_and_otherwise_as_the_servers(tell, clock, mode, rate) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(clock=clock)
        standing = keeping.stage.store.standing(account)
        assert (standing.clock.mode, standing.clock.rate) == (mode, rate)
        assert standing.clock.is_real == (mode == "real")
        assert standing.rules_since == standing.clock.virtual

    tell(story)


def test_what_the_body_says_counts_before_what_its_scenario_says(tell) -> None:
    async def story(keeping: Keeping) -> None:
        poor = await keeping.create(scenario="balance-runs-out")
        rich = await keeping.create(scenario="balance-runs-out", balance="777", seed=5)
        scenario = keeping.scenarios.playing(poor).scenario
        assert scenario is not None
        assert (scenario.name, poor.rules.book) == ("balance-runs-out", scenario.book)
        assert keeping.balance(poor) < Decimal(100)
        assert (keeping.balance(rich), rich.seed) == (Decimal(777), 5)

    tell(story)


def test_a_callback_that_is_changed_keeps_the_files_which_only_the_configuration_can_name(tell) -> None:
    async def story(keeping: Keeping) -> None:
        url = "https://localhost:59999/"
        files = {"ca": "ca.pem", "client_cert": "platform.pem", "client_key": "platform.key"}
        settings = AccountSettings(name="shop", auth_key="the shop's own key", callback=Callback(url=url, **files))
        account = settings.account(PROFILES["spec"])
        keeping.stage.configure(created_config(account, settings, None))
        changed = await keeping.change(account, callback={"url": url, "timeout": "1s"})
        assert changed.callback == Callback(url=url, timeout=timedelta(seconds=1), **files)
        assert await keeping.change(account, routes="*") == msgspec.structs.replace(changed, routes=frozenset({"*"}))
        assert (await keeping.change(account, callback=None)).callback == Callback()

    tell(story)


def test_another_scenario_may_be_put_to_use_and_a_reset_brings_back_what_was_created(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(balance="5", callback={"url": "http://127.0.0.1:1/"})
        [poor] = [await keeping.create(scenario="balance-runs-out")]
        await keeping.scenarios.use(account, keeping.scenarios.playing(poor).scenario)
        changed = await keeping.change(account, callback={"url": "http://127.0.0.1:2/"}, routes="*")
        assert keeping.scenarios.playing(account).scenario is not None
        assert (changed.callback.url, changed.routes) == ("http://127.0.0.1:2/", frozenset({"*"}))
        created = await keeping.stage.timekeeper.reset(account)
        assert created == account
        assert keeping.balance(account) == Decimal(5)

    tell(story)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": "default"}, 'there is an account "default" already'),
        ({"auth_key": Account().auth_key}, 'accounts "default" and "account-[0-9a-f]{16}" have the same AUTH_KEY'),
    ],
)
def test_a_name_and_a_key_belong_to_one_account(tell, body: dict[str, object], told: str) -> None:
    async def story(keeping: Keeping) -> None:
        with pytest.raises(AccountConflictError, match=told):
            await keeping.create(**body)
        assert [account.name for account in keeping.stage.directory] == ["default"]

    tell(story)


def test_of_two_that_make_the_same_account_at_once_one_does(tell) -> None:
    async def story(keeping: Keeping) -> None:
        made = await asyncio.gather(*(keeping.create(name="shop") for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in made] == [Account, AccountConflictError, AccountConflictError]

    tell(story)


# Changes


def test_a_change_is_of_what_it_says_and_of_nothing_else(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(name="shop", balance="3", rate_limit=5, scenario="flaky")
        changed = await keeping.change(account, routes=["B"], report=[{"state": "EXPIRED", "after": "3s"}], seed=9)
        assert changed == msgspec.structs.replace(
            account, routes=frozenset({"B"}), plan=plan_of(step(3, timedelta(seconds=3))), seed=9
        )
        assert keeping.stage.directory.find(account.auth_key) is changed
        assert keeping.told[-1] is changed
        assert keeping.ledger(changed) == [("opening", Decimal(3), Decimal(3))]

    tell(story)


def test_null_brings_back_a_default(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(rate_limit=5, pending_limit=6)
        changed = await keeping.change(account, rate_limit=None)
        assert (changed.rate_limit, changed.pending_limit) == (None, 6)

    tell(story)


def test_a_later_change_keeps_an_earlier_one(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create()
        await keeping.change(account, profile="observed")
        changed = await keeping.change(account, switches={"unpriced": "sync"})
        assert (changed.profile.name, changed.profile.unpriced, changed.profile.answer_shape) == (
            "observed",
            "sync",
            "wire",
        )
        assert (await keeping.change(account, profile=None, switches=None)).profile == SPEC

    tell(story)


def test_a_balance_is_brought_to_what_is_said_by_an_entry_in_the_ledger(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(balance="3")
        changed = await keeping.change(account, balance="10.5")
        assert keeping.balance(changed) == Decimal("10.5")
        assert keeping.ledger(changed)[1:] == [("setting", Decimal("7.5"), Decimal("10.5"))]
        again = await keeping.change(changed, balance="10.50")
        assert len(keeping.ledger(again)) == 2, "nothing moved"
        unlimited = await keeping.change(changed, balance="unlimited")
        assert keeping.balance(unlimited) is None
        limited = await keeping.change(unlimited, balance="1")
        assert keeping.balance(limited) == sum(amount for _, amount, _ in keeping.ledger(limited)) == Decimal(1)

    tell(story)


def test_an_account_keeps_its_currency(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(balance={"amount": "3", "currency": "HKD"})
        assert (await keeping.change(account, balance="4")).currency == "HKD"
        for body in ({"currency": "USD"}, {"balance": {"amount": "4", "currency": "USD"}}):
            with pytest.raises(AccountConflictError, match="keeps its currency, HKD"):
                await keeping.change(account, **body)
        assert keeping.balance(account) == Decimal(4)

    tell(story)


# Money


def test_a_credit_is_an_entry_in_the_ledger(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create(balance="1")
        entry = await keeping.keeper.credit(account, read_credit(table(amount="0.25", currency="USD")))
        assert entry == LedgerEntry(account.name, None, "credit", Decimal("0.25"), Decimal("1.25"), entry.at)
        assert keeping.stage.store.ledger(account)[-1] == entry
        assert keeping.balance(account) == Decimal("1.25")

    tell(story)


def test_there_is_nothing_to_credit_where_money_is_unlimited_or_in_another_currency(tell) -> None:
    async def story(keeping: Keeping) -> None:
        unlimited, dollars = await keeping.create(balance="unlimited"), await keeping.create(balance="1")
        with pytest.raises(AccountConflictError, match="is unlimited already"):
            await keeping.keeper.credit(unlimited, Credit(Decimal(1), None))
        with pytest.raises(AccountConflictError, match="is in USD, not in HKD"):
            await keeping.keeper.credit(dollars, Credit(Decimal(1), "HKD"))
        assert len(keeping.ledger(dollars)) == 1

    tell(story)


# The end


def test_nothing_of_a_deleted_account_fires_and_nothing_of_it_is_left(tell) -> None:
    async def story(keeping: Keeping) -> None:
        stage = keeping.stage
        account = await keeping.create(name="shop", callback={"url": "http://127.0.0.1:59999/"})
        await stage.send(3, account)
        pushing = asyncio.Event()

        async def never(_push: Push) -> PushResult:
            pushing.set()
            await asyncio.Event().wait()
            raise AssertionError

        stage.pusher.post = never
        advancing = asyncio.create_task(stage.timekeeper.advance(account, timedelta(hours=1), timedelta(seconds=30)))
        await pushing.wait()
        await keeping.keeper.delete(account)
        with pytest.raises(CalledOffError, match="the account was deleted meanwhile"):
            await advancing
        assert stage.pusher.running(account) == 0
        assert stage.directory.find(account.auth_key) is None
        assert keeping.forgot == ["shop"]
        again = await keeping.create(name="shop")
        assert list(stage.store.messages(again)) == []
        assert stage.store.next_wake(again) is None
        assert again.auth_key != account.auth_key

    tell(story)


def test_an_account_of_the_configuration_is_not_deleted(tell) -> None:
    async def story(keeping: Keeping) -> None:
        with pytest.raises(AccountConflictError, match='"default" is one of the configuration; reset it instead'):
            await keeping.keeper.delete(keeping.stage.account)

    tell(story)


def test_all_that_were_made_can_be_deleted_at_once(tell) -> None:
    async def story(keeping: Keeping) -> None:
        for _ in range(3):
            await keeping.create()
        await keeping.keeper.delete_all()
        assert [account.name for account in keeping.stage.directory] == ["default"]

    tell(story)


def test_an_account_whose_end_fails_stays(tell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create()

        async def fail(*_: object) -> None:
            raise StoreError("the disk is full")

        monkeypatch.setattr(keeping.stage.store, "step", fail)
        with pytest.raises(StoreError, match="the disk is full"):
            await keeping.keeper.delete(account)
        assert keeping.stage.directory.find(account.auth_key) is account
        monkeypatch.undo()
        await keeping.keeper.delete(account)
        assert keeping.stage.directory.find(account.auth_key) is None

    tell(story)


def test_a_change_that_waited_while_its_account_was_deleted_is_called_off(tell) -> None:
    async def story(keeping: Keeping) -> None:
        account = await keeping.create()
        async with keeping.stage.timekeeper.turn(account):
            deleting = asyncio.create_task(keeping.keeper.delete(account))
            await asyncio.sleep(0)
            changing = asyncio.create_task(keeping.change(account, routes="*"))
            await asyncio.sleep(0)
        await deleting
        with pytest.raises(CalledOffError):
            await changing
        assert keeping.stage.directory.named(account.name) is None

    tell(story)


def test_a_deleted_account_gives_its_memory_back(tell) -> None:
    async def story(keeping: Keeping) -> None:
        stage = keeping.stage
        gone = []
        for _ in range(20):
            account = await keeping.create()
            await stage.send(5, account)
            gone.append(weakref.ref(stage.store._partitions[account.name]))
            await keeping.keeper.delete(account)
        gc.collect()
        assert [each() for each in gone] == [None] * 20
        bounds = stage.store._retention
        assert (bounds._messages, bounds.octets, len(bounds._arrivals)) == (0, 0, 0)
        assert list(stage.timekeeper._turns) == []

    tell(story)


def test_every_mistake_in_a_body_is_told(tell) -> None:
    async def story(keeping: Keeping) -> None:
        with pytest.raises(SettingsError) as raised:
            await keeping.create(name="a b", prices={"852": -1}, clock="slow", scenario="flakey", rotes=["A"])
        assert len(raised.value.problems) == 5
        assert list(keeping.stage.directory) == [keeping.stage.account]

    tell(story)
