"""Repeatability: one seed, one outcome for every recipient, whatever comes first.

Reading: R21.
"""

import asyncio
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import msgspec

from cloudsms_simulator.engine.account import Account, AccountConfig, AccountDirectory, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.plan import Listed, Lognormal, Mix, PlanTemplate, StepTemplate, Uniform
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.rules import CompiledRules, Condition, FaultRule, ReplyStep, Rule, RuleBook
from cloudsms_simulator.engine.transaction import Arrival, Transaction
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push.receiver import Receiver
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import Store

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
CONNECTIONS = 8
WHOLE_BATCH = 20
OOPS = 500

BOOK = RuleBook(
    name="chaos",
    rules=(
        Rule(id="busy", condition=Condition(probability=0.1), replies=(ReplyStep(ResultCode.BUSY),)),
        Rule(id="once", condition=Condition(to=("85267001*",)), replies=(ReplyStep(ResultCode.SEND_FAILED, 1),)),
        Rule(
            id="steps",
            condition=Condition(any=(Condition(to=("*7",)), Condition(probability=0.2))),
            outlook=PlanTemplate(
                (
                    StepTemplate(1, Listed((SECOND, 2 * SECOND)), final=False),
                    StepTemplate(2, Uniform(3 * SECOND, MINUTE), final=True),
                )
            ),
        ),
    ),
    faults=(FaultRule(id="oops", condition=Condition(probability=0.1), fault=Fault.HTTP_500),),
    outlook=Mix(
        ((2, Decimal(80)), (5, Decimal(12)), (1, Decimal(8))),
        Lognormal(7 * SECOND, sigma=0.8, minimum=SECOND),
    ),
)
ACCOUNT = Account(rules=CompiledRules(BOOK), seed=42)

Outcome = tuple[int, tuple[tuple[int, timedelta], ...]]
"""A result code, or the HTTP status there was instead; the states reached, each with its time after acceptance."""
Outcomes = dict[str, list[Outcome]]
"""By recipient. One that was sent to more than once has as many, and nobody says in which order."""


def bodies(packet) -> list[bytes]:
    """200 sends: 160 to somebody else each, 30 of which two each go to one recipient, 10 to a whole batch."""
    alone = [packet((852, str(67000000 + n))) for n in range(160)]
    twice = [packet((852, str(67001000 + n // 2))) for n in range(30)]
    batches = [
        packet(*[(65, str(81000000 + WHOLE_BATCH * batch + n)) for n in range(WHOLE_BATCH)]) for batch in range(10)
    ]
    return alone + twice + batches


def configured(account: Account) -> Callable[[Transaction], Account]:
    """A step that puts an account in the place of the one of its name."""
    return lambda transaction: transaction.configure(AccountConfig(account=account))


def shuffled(bodies: list[bytes], run: int) -> list[bytes]:
    return random.Random(run).sample(bodies, len(bodies))


def outcomes(exchanges: Iterable[tuple[bytes, bytes | None]], store: Store, account: Account) -> Outcomes:
    """What became of bodies with these answers; None where something else came."""
    found: defaultdict[str, list[Outcome]] = defaultdict(list)
    for body, answer in exchanges:
        if answer is None:
            for each in json.loads(body)["MULTI_MSISDN_LIST"]:
                found[each["DEST_MSISDN"]].append((OOPS, ()))
            continue
        for item in json.loads(answer)["DETAIL_LIST"]:
            message = store.message(account, item["SMS_UID"])
            passages = () if message is None else message.passages
            states = tuple((each.state, each.at - message.sending.accepted_at) for each in passages)
            found[item["DEST_MSISDN"]].append((item["RESULT_CODE"], states))
    return {recipient: sorted(found[recipient]) for recipient in sorted(found)}


async def in_process(bodies: list[bytes], account: Account = ACCOUNT) -> Outcomes:
    """Plays without sockets, at noon, and then until nothing is left to do."""
    nodes = itertools.count(1)
    platform, store = (
        Platform(AccountDirectory((account,)), SPEC),
        MemoryStore(lambda _: Clock.frozen(NOON), nodes.__next__),
    )
    exchanges = []
    for body in bodies:
        identified = platform.identify(body)
        checked = platform.check(identified, body)
        receive = partial(platform.receive, checked=checked, arrival=Arrival(body), now=NOON)
        reply = await store.step(identified.account, receive)
        await store.release(account, reply.request_id)
        exchanges.append((body, None if reply.trouble is not None else reply.body))
    while (now := store.next_wake(account)) is not None:
        uids = await store.take_wakes(account, now, 1000)
        assert await store.step(account, partial(platform.take_due, uids=uids, now=now), tuple(uids)) == []
    return outcomes(exchanges, store, account)


async def over_sockets(here, bodies: list[bytes]) -> list[tuple[bytes, bytes | None]]:
    """The answers to bodies that several connections take from one pile, each one after the other."""
    pile, exchanges = iter(bodies), []

    async def post() -> None:
        async with here.client() as client:
            for body in pile:
                answer = await client.post(body)
                exchanges.append((body, None if answer.status == OOPS else answer.body))
                if answer.headers.get("connection") == "close":
                    break
            else:
                return
        await post()

    await asyncio.gather(*(post() for _ in range(CONNECTIONS)))
    return exchanges


def test_200_sends_have_the_same_outcomes_in_50_runs_whatever_their_order(run, packet) -> None:
    async def story() -> None:
        sends = bodies(packet)
        first = await in_process(sends)
        everything = [outcome for each in first.values() for outcome in each]
        assert (len(sends), len(everything)) == (200, 160 + 30 + 10 * WHOLE_BATCH)
        assert {code for code, _ in everything} == {OOPS, ResultCode.OK, ResultCode.BUSY, ResultCode.SEND_FAILED}
        assert {tuple(state for state, _ in states) for _, states in everything} == {(), (2,), (5,), (1, 3), (1, 2)}
        for number in range(1, 50):
            assert await in_process(shuffled(sends, number)) == first

    run(story())


def test_another_seed_has_other_outcomes(run, packet) -> None:
    async def story() -> None:
        sends = bodies(packet)
        assert await in_process(sends, msgspec.structs.replace(ACCOUNT, seed=43)) != await in_process(sends)

    run(story())


def test_200_concurrent_sends_over_sockets_have_the_same_outcomes_in_50_runs(run, platform, packet) -> None:
    async def story() -> None:
        sends = bodies(packet)
        expected = await in_process(sends)
        for number in range(50):
            async with platform(plain=True, clock="frozen") as here:
                await here.simulator.store.step(ACCOUNT, configured(ACCOUNT))
                exchanges = await over_sockets(here, shuffled(sends, number))
                reading = await here.simulator.timekeeper.run_until_idle(ACCOUNT, MINUTE)
                assert (reading.settled, reading.pending) == (True, 0)
                assert outcomes(exchanges, here.simulator.store, ACCOUNT) == expected

    run(story())


def test_what_the_customer_is_told_of_200_concurrent_sends_is_the_same_in_5_runs(
    run, platform, receiving, packet
) -> None:
    async def story() -> None:
        sends = bodies(packet)
        expected = await in_process(sends)
        reached = sorted(state for each in expected.values() for _, states in each for state, _ in states)
        for number in range(5):
            receiver = Receiver()
            async with receiving(receiver, plain=True) as url, platform(plain=True, clock="frozen") as here:
                account = msgspec.structs.replace(ACCOUNT, callback=Callback(url=url))
                await here.simulator.store.step(account, configured(account))
                exchanges = await over_sockets(here, shuffled(sends, number))
                reading = await here.simulator.timekeeper.run_until_idle(account, MINUTE)
                assert (reading.settled, reading.pending) == (True, 0)
                assert outcomes(exchanges, here.simulator.store, account) == expected
                assert sorted(report.state for report in receiver.reports) == reached

    run(story())
