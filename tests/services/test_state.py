"""The state: a document of everything, which gives the same back wherever it is put."""

import asyncio
import json
from collections.abc import Coroutine
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import DEADLINE
from sms_uids import read_uid

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.sources import read_json_table
from cloudsms_simulator.config.values import SWITCH_TYPES
from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.delivery import ForceRequest
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.engine.rules import ReplyStep, Rule
from cloudsms_simulator.net.runtime import CalledOffError
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, PROFILES, SPEC, Profile, StateSet
from cloudsms_simulator.services.accounts import AccountService
from cloudsms_simulator.services.scenarios import ScenarioService
from cloudsms_simulator.services.sending import Interventions
from cloudsms_simulator.services.snapshot import StateDocument, StateService
from cloudsms_simulator.stores.codec import decode_document

URL = "http://127.0.0.1:59999/"
LONG = timedelta(seconds=30)


class World:
    """A stage with all that keeps its accounts."""

    def __init__(self, stage: type, *accounts: Account, **how: object) -> None:
        self.stage = stage(*accounts, **how)
        at = self.stage
        self.scenarios = ScenarioService(
            at.store, at.wall, lambda named: PROFILES[named or "spec"], at.pusher.clock_changed
        )
        self.keeper = AccountService(
            at.store,
            self.scenarios,
            at.timekeeper,
            at.wall,
            new_clock=at.new_clock,
            seed=42,
            profile_of=lambda named: PROFILES[named or "spec"],
        )
        self.state = StateService(at.store, self.scenarios, at.timekeeper, self.keeper, at.pusher, at.wall)

    async def make(self, **body: object) -> Account:
        return await self.keeper.create(read_json_table(json.dumps(body).encode()))

    def account(self, name: str) -> Account:
        account = self.stage.directory.named(name)
        assert account is not None
        return account

    async def advance(self, name: str, **by: float) -> None:
        await self.stage.timekeeper.advance(self.account(name), timedelta(**by), LONG)

    async def document(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(await self.state.take())
        return document


def run(story: Coroutine[None, None, None]) -> None:
    async def within_a_minute() -> None:
        async with asyncio.timeout(DEADLINE):
            await story

    asyncio.run(within_a_minute())


async def moved(world: World, stage: type) -> World:
    """Another world, with other accounts and traffic in it, after the state of this one was put there."""
    other = World(stage, Account(), Account(name="gone", auth_key="of one that goes"))
    await other.stage.send(2)
    await other.make(name="shop", balance="7")
    await other.state.put(await world.state.take())
    return other


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(["default", "shop"]), st.integers(1, 3), st.sampled_from("ab")),
        st.tuples(st.just("refuse"), st.sampled_from(["default", "shop"])),
        st.tuples(st.just("advance"), st.sampled_from(["default", "shop"]), st.integers(0, 30_000)),
        st.tuples(st.just("scenario"), st.sampled_from(["flaky", "otp-demo", "expired", "local-rejected"])),
        st.tuples(st.just("rule"), st.sampled_from(["one", "two"])),
        st.tuples(st.just("change"), st.decimals(0, 5, places=2)),
        st.tuples(st.just("by hand"), st.sampled_from(["default", "shop"]), st.sampled_from([1, 8]), st.booleans()),
        st.tuples(st.just("reset"), st.just("shop")),
    ),
    max_size=8,
)


async def intervene(world: World, account: Account, state: int, *, again: bool) -> None:
    """Forces a state on the newest message, and has its first report pushed once more."""
    at = world.stage
    newest = next(iter(at.store.messages(account)), None)
    if newest is not None:
        by_hand = Interventions(at.platform, at.store, at.pusher, at.wall)
        later = timedelta(hours=state)
        await by_hand.force(account, newest.uid, ForceRequest(state, later, final=state == 8, again=again))
        await by_hand.resend(account, newest.uid, 1)


async def live(world: World, steps: list[tuple[object, ...]]) -> None:
    """Has things happen."""
    for what, *how in steps:
        if what == "send":
            text = "Your code is 123345" if how[2] == "a" else "您的验证码 é" * 20
            await world.stage.receive(how[1], world.account(how[0]), SMS_CONTENT=text, CUSTOMER_BODY={"n": 0.10})
        elif what == "refuse":
            await world.stage.receive(1, world.account(how[0]), SMS_CONTENT="")
        elif what == "by hand":
            await intervene(world, world.account(how[0]), how[1], again=how[2])
        elif what == "advance":
            await world.advance(how[0], seconds=how[1])
        elif what == "scenario":
            scenario = world.scenarios.playing(await world.make(scenario=how[0])).scenario
            await world.scenarios.use(world.account("shop"), scenario)
        elif what == "rule":
            rule = Rule(id=how[0], replies=(ReplyStep(ResultCode.BUSY, times=1),))
            await world.scenarios.add_rules(world.account("shop"), rules=[rule])
        elif what == "change":
            body = json.dumps({"balance": str(how[0])}).encode()
            await world.keeper.change(world.account("shop"), read_json_table(body))
        else:
            await world.stage.timekeeper.reset(world.account("shop"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(Steps)
def test_a_state_that_was_put_gives_the_same_back_and_goes_on_in_the_same_way(stage: type, steps) -> None:
    async def story() -> None:
        default = Account(callback=Callback(url=URL, retries=(timedelta(seconds=5),)))
        world = World(stage, default)
        answers = iter([200, 500] * 1000)

        async def post(_push: Push) -> PushResult:
            return PushResult(next(answers), b"")

        world.stage.pusher.post = post
        await world.make(name="shop", callback={"url": URL, "retries": ["1s"]}, clock="frozen", balance="50")
        await live(world, steps)

        other = await moved(world, stage)
        assert await other.document() == await world.document()
        world.stage.pusher.post = other.stage.pusher.post
        for each in (world, other):
            for name in ("default", "shop"):
                await each.stage.timekeeper.run_until_idle(each.account(name), LONG)
                await each.stage.receive(1, each.account(name))
        assert await other.document() == await world.document()

    run(story())


def test_what_is_pending_fires_where_it_was_put(stage: type, customer) -> None:
    async def story() -> None:
        world = World(stage, customer())
        [message] = await world.stage.send()
        other = await moved(world, stage)
        await other.advance("default", seconds=2)
        [push] = other.stage.pusher.made[-1:]
        assert push.uid == message.uid
        [report] = other.stage.store.reports(other.account("default"))
        assert report.outcome == "answered"

    run(story())


def test_a_push_on_the_way_is_made_anew(stage: type, customer) -> None:
    async def story() -> None:
        world = World(stage, customer())
        pushing = asyncio.Event()

        async def never(_push: Push) -> PushResult:
            pushing.set()
            await asyncio.Event().wait()
            raise AssertionError

        world.stage.pusher.post = never
        await world.stage.send()
        advancing = asyncio.create_task(world.advance("default", seconds=5))
        await pushing.wait()
        document = await world.state.take()
        other = World(stage, customer())
        await other.state.put(document)
        await other.stage.pusher.settle(other.account("default"), [])
        assert [push.uid for push in other.stage.pusher.made] == [
            each.uid for each in world.stage.store.messages(world.account("default"))
        ]
        await world.state.put(document)
        with pytest.raises(CalledOffError, match="another state was put in the place of this one"):
            await advancing
        assert world.stage.pusher.running(world.account("default")) == 0

    run(story())


def test_accounts_that_are_not_in_the_document_are_gone_and_those_made_here_can_be_deleted(stage: type) -> None:
    async def story() -> None:
        world = World(stage)
        shop = await world.make(name="shop")
        other = await moved(world, stage)
        assert [account.name for account in other.stage.directory] == ["default", "shop"]
        assert other.stage.directory.find(shop.auth_key) == other.account("shop")
        assert other.stage.directory.find("of one that goes") is None
        await other.keeper.delete(other.account("shop"))
        await other.make(name="gone")

    run(story())


def said(value: object) -> object:
    """The value of a switch as JSON says it."""
    if isinstance(value, StateSet):
        return {"all_but": sorted(value.states)} if value.all_but else sorted(value.states)
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("name", SWITCH_TYPES)
@pytest.mark.parametrize("profile", [SPEC, OBSERVED, Profile(dr_auth_key=True)], ids=["spec", "observed", "other"])
def test_every_switch_of_an_account_is_read_as_it_was_written(stage: type, profile: Profile, name: str) -> None:
    async def story() -> None:
        world = World(stage)
        shop = await world.make(name="shop", switches={name: said(getattr(profile, name))})
        assert (await moved(world, stage)).account("shop") == shop

    run(story())


def test_a_reset_brings_back_what_was_created_elsewhere(stage: type) -> None:
    async def story() -> None:
        world = World(stage)
        await world.make(name="shop", balance="3", scenario="flaky")
        await world.keeper.change(world.account("shop"), read_json_table(b'{"balance": "9", "routes": "*"}'))
        other = await moved(world, stage)
        assert other.account("shop").routes == frozenset({"*"})
        restored = await other.stage.timekeeper.reset(other.account("shop"))
        assert (restored.balance, restored.rules.book.name) == (Decimal(3), "flaky")
        assert "*" not in restored.routes

    run(story())


@pytest.mark.parametrize("rate", [0, 1, 3600])
def test_clocks_go_on_from_what_they_showed_and_a_real_one_shows_the_wall(stage: type, rate: float) -> None:
    async def story() -> None:
        world = World(stage, rate=rate)
        await world.make(name="real", clock="real")
        other = await moved(world, stage)
        shown, there = (each.stage.clock(each.account("default")) for each in (world, other))
        assert there.rate == shown.rate
        wall = other.stage.wall.now()
        assert abs(there.now(wall) - shown.now(wall)) < timedelta(seconds=1 + rate)
        assert other.stage.clock(other.account("real")).is_real

    run(story())


def test_no_sms_uid_is_issued_twice_after_a_state_from_elsewhere(stage: type) -> None:
    async def story() -> None:
        world = World(stage)
        for name in ("a", "b", "c"):
            await world.stage.send(1, await world.make(name=name, clock="frozen"))
        other = World(stage)
        await other.state.put(await world.state.take())
        uids = [message.uid for name in ("a", "b", "c") for message in other.stage.store.messages(other.account(name))]
        [new] = await other.stage.send(1, await other.make())
        nodes = [found.node for found in map(read_uid, [*uids, new.uid]) if found is not None]
        assert len(set(nodes)) == 4

    run(story())


def test_a_smaller_journal_keeps_the_newest(stage: type) -> None:
    async def story() -> None:
        world = World(stage, msgspec.structs.replace(Account(), plan=Account().plan))
        for _ in range(6):
            await world.stage.send()
        await world.stage.timekeeper.run_until_idle(world.account("default"), LONG)
        other = World(stage, most_messages=4)
        await other.state.put(await world.state.take())
        listing = other.stage.store.messages(other.account("default"))
        assert (listing.total, listing.evicted) == (4, 2)
        newest = [message.uid for message in world.stage.store.messages(world.account("default"))][:4]
        assert [message.uid for message in listing] == newest

    run(story())


def test_a_long_list_is_written_and_read_entry_by_entry(stage: type) -> None:
    async def story() -> None:
        world = World(stage, Account())
        for _ in range(60):
            await world.stage.send()
        taken = await world.state.take()
        kept = decode_document(taken, StateDocument).accounts[0].kept
        assert {type(each) for each in (*kept.exchanges, *kept.messages)} == {msgspec.Raw}
        other = await moved(world, stage)
        assert other.stage.store.exchanges(other.account("default")).total == 60
        assert await other.document() == await world.document()

    run(story())


def test_a_mistake_in_a_long_list_says_where_it_is(stage: type) -> None:
    async def story() -> None:
        world = World(stage, Account())
        for _ in range(60):
            await world.stage.send()
        document = await world.document()
        document["accounts"][0]["kept"]["exchanges"][57]["kind"] = "fax"
        with pytest.raises(SettingsError) as told:
            await world.state.put(msgspec.json.encode(document))
        assert "accounts[0].kept.exchanges[57].kind" in str(told.value)

    run(story())


# Documents that cannot be put


def at(document: dict[str, object], *path: str | int) -> dict[str, object]:
    found: object = document
    for key in path:
        found = found[key]  # type: ignore[index]
    return found  # type: ignore[return-value]


MISTAKES = {
    "no version": (lambda doc: doc.pop("version"), 'want a document whose "version" is 2, as GET gives it'),
    "another version": (lambda doc: doc.update(version=3), 'want a document whose "version" is 2, as GET gives it'),
    "an older version": (
        lambda doc: doc.update(version=1),
        'got a document of version 1, which an older simulator wrote: want a document whose "version" is 2',
    ),
    "an unknown key": (
        lambda doc: doc.update(acounts=[]),
        "it: Object contains unknown field `acounts`",
    ),
    "no accounts": (lambda doc: doc.pop("accounts"), "it: Object missing required field `accounts`"),
    "a wrong value": (
        lambda doc: at(doc, "accounts", 0, "account").update(rate_limit="many"),
        'body: accounts[0].account.rate_limit: got "many", want a whole number',
    ),
    "no default": (
        lambda doc: at(doc, "accounts").clear(),  # type: ignore[attr-defined]
        'it cannot be put: there is no account "default", which every simulator has',
    ),
    "an account twice": (
        lambda doc: at(doc, "accounts").append(at(doc, "accounts", 0)),  # type: ignore[attr-defined]
        'it cannot be put: accounts "default" and "default" have the same name',
    ),
    "a path": (
        lambda doc: at(doc, "accounts", 0, "account").update(callback={"url": "http://x/", "ca": "/etc/passwd"}),
        'it cannot be put: account "default" names a file, /etc/passwd: paths are for the configuration',
    ),
    "a message of no exchange": (
        lambda doc: at(doc, "accounts", 0, "kept").pop("exchanges"),
        "it cannot be put: the messages are not those that the exchanges speak of",
    ),
    "an exchange of another account": (
        lambda doc: at(doc, "accounts", 0, "kept", "exchanges", 0).update(account="shop"),
        'it cannot be put: an exchange of account "default" says that it is of another',
    ),
    "a rate there is none of": (
        lambda doc: at(doc, "accounts", 0, "kept", "standing", "clock").update(rate=-1),
        "body: accounts[0].kept.standing.clock: a clock's rate is 0 (frozen)",
    ),
    "a rule whose pattern is none": (
        lambda doc: at(doc, "accounts", 0, "remembered").update(
            playing={"own": {"rules": [{"id": "x", "match": {"content": {"regex": "("}}}]}}
        ),
        'body: accounts[0].remembered.playing.own.rules[0].match.content.regex: got "("',
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_document_with_a_mistake_changes_nothing(stage: type, mistake: str) -> None:
    change, told = MISTAKES[mistake]

    async def story() -> None:
        world = World(stage)
        await world.stage.send()
        before = await world.document()
        document = await world.document()
        change(document)
        with pytest.raises(SettingsError) as raised:
            await world.state.put(json.dumps(document).encode())
        assert str(raised.value).startswith(told)
        assert await world.document() == before

    run(story())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_document_is_told(stage: type, body: bytes) -> None:
    async def story() -> None:
        with pytest.raises(SettingsError, match=r"the body is not JSON|want a document"):
            await World(stage).state.put(body)

    run(story())
