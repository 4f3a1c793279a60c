"""State checks: what is refused everywhere else is refused in a state document, and what GET gives is taken."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.services.test_state import World, at, moved, run

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_body import read_new_account
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.scenario_file import load_scenario, parse_scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.config.sources import read_json_table
from cloudsms_simulator.engine.account import Account, Callback

KEY = "k" * 88
RICH = {
    "name": "shop",
    "auth_key": "the key of the shop",
    "routes": ["A", "B"],
    "directions": [852, 65],
    "prices": {"852": "0.05", "*": 1},
    "currency": "HKD",
    "balance": "12.50",
    "credit_limit": "5",
    "blacklist": {"numbers": ["85267*"], "words": ["casino"]},
    "whitelist": ["10.0.0.0/8", "::1"],
    "callback": {"url": "https://localhost:59999/", "retries": ["1s", "10d"], "verify": False, "identity": "expired"},
    "default_sender": "Shop",
    "signatures": ["Shop"],
    "profile": "observed",
    "switches": {"missing_key_code": "0x10000001", "charged_states": [2], "versions": ["1", "2"]},
    "rate_limit": 5,
    "pending_limit": 100,
    "push_window": 3,
    "report": [{"state": "ENROUTE", "after": "1s", "held": "1h"}, {"state": 2, "after": "5s", "extra": {"X": [1.50]}}],
    "seed": 7,
    "clock": "frozen",
}

Document = dict[str, object]
FILE = "file:///etc/passwd"


WRONG: list[tuple[str, object, str]] = [
    ("auth_key", "k" * 5000, ""),
    ("auth_key", "", ""),
    ("routes", [""], "[0]"),
    ("directions", [1242], "[0]"),
    ("prices", {"999": 1}, ".999"),
    ("prices", {"852": -1}, ".852"),
    ("currency", "XXX", ""),
    ("balance", "1" + "0" * 30, ""),
    ("credit_limit", -1, ""),
    ("blacklist", {"words": [""]}, ".words[0]"),
    ("whitelist", ["10.0.0.1/8"], "[0]"),
    ("callback", {"url": FILE}, ".url"),
    ("callback", {"url": "http://a b/"}, ".url"),
    ("callback", {"url": "http://x:99999/"}, ".url"),
    ("callback", {"retries": ["1s"]}, ""),
    ("callback", {"url": "http://x/", "concurrency": 0}, ".concurrency"),
    ("callback", {"url": "http://x/", "timeout": "0s"}, ".timeout"),
    ("default_sender", "\u4e91", ""),
    ("signatures", ["x" * 65], "[0]"),
    ("rate_limit", -1, ""),
    ("pending_limit", -1, ""),
    ("push_window", 0, ""),
    ("seed", -1, ""),
    ("report", [{"state": 2, "copies": 101}], "[0].copies"),
    ("report", [{"state": 2, "serial": 65536}], "[0].serial"),
    ("report", {"mix": {"DELIVERED": 90}}, ".mix"),
    ("profile", "other", ""),
    ("switches", {"versions": [""]}, ".versions[0]"),
    ("switches", {"charged_states": [-1]}, ".charged_states"),
]
"""A setting, what the API refuses as its value and so does a document, and what is named."""


def problems_of(body: Document) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read_new_account(read_json_table(json.dumps(body).encode()), "made-up", "k" * 88)
    return caught.value.problems


def refused(stage: type, change: Callable[[Document], object]) -> tuple[str, ...]:
    """What is wrong with a changed document; that it was put nowhere is checked here."""

    async def story() -> tuple[str, ...]:
        world = World(stage, Account(callback=Callback(url="http://127.0.0.1:59999/")))
        await world.stage.send()
        await world.make(**RICH)
        document, before = await world.document(), await world.document()
        change(document)
        with pytest.raises(SettingsError) as caught:
            await world.state.put(json.dumps(document).encode())
        assert await world.document() == before
        return caught.value.problems

    return asyncio.run(story())


@pytest.mark.parametrize(("setting", "body", "named"), WRONG, ids=lambda value: str(value)[:20])
def test_what_the_api_refuses_of_an_account_a_document_may_not_say_either(
    stage: type, setting: str, body: object, named: str
) -> None:
    assert problems_of({setting: body})[0].startswith(f"body: {setting}{named}: ")

    def change(document: Document) -> None:
        at(document, "accounts", 1, "account")[setting] = body
        at(document, "accounts", 1, "remembered", "created")[setting] = body

    told = refused(stage, change)
    for where in ("account", "remembered.created"):
        assert any(each.startswith(f"body: accounts[1].{where}.{setting}{named}: ") for each in told), told
    assert not any("k" * 200 in each for each in told)


def test_every_setting_of_an_account_is_held_to_something() -> None:
    checked = {setting for setting, _, _ in WRONG} | {"name"}
    assert checked == {*AccountSettings.__struct_fields__, "seed"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda settings: settings.update(auth_key="k" * 129), "remembered.settings.auth_key: got something not"),
        (lambda settings: settings.update(callback={"url": FILE}), "remembered.settings.callback.url: got"),
        (lambda settings: settings.update(switches={"unpriced": "never"}), "remembered.settings.switches.unpriced"),
        (
            lambda settings: settings.update(balance={"amount": "1E+20", "currency": "HKD"}),
            "remembered.settings.balance: got",
        ),
    ],
)
def test_settings_that_are_remembered_are_held_to_the_same(stage: type, change, told: str) -> None:
    problems = refused(stage, lambda document: change(at(document, "accounts", 1, "remembered", "settings")))
    assert any(each.startswith(f"body: accounts[1].{told}") for each in problems), problems


def test_a_name_that_no_account_may_have_is_refused(stage: type) -> None:
    def change(document: Document) -> None:
        shop = json.loads(json.dumps(at(document, "accounts", 1)).replace('"shop"', '"a shop"'))
        at(document, "accounts")[1] = shop  # type: ignore[index]

    assert refused(stage, change)[0].startswith('body: accounts[1].account.name: got "a shop", want a name of 1 to 64')


RULES = [
    ({"id": "x" * 65}, "[0].id: got"),
    ({"reply": "OK"}, "[0]: got no id, want one"),
    ({"id": "x", "reply": []}, "[0].reply: got"),
    ({"id": "x", "reply": [{"times": 0}]}, "[0].reply[0].times: got 0"),
    ({"id": "x", "match": {"to": ["abc"]}}, "[0].match.to[0]: got"),
    ({"id": "x", "match": {"probability": 2.0}}, "[0].match.probability: got"),
    ({"id": "x", "mach": {}}, '[0]: unknown key "mach"'),
    (
        {"id": "x", "report": [{"state": 2, "after": "1us"}, {"state": 1, "after": "2us", "final": False}]},
        "[0].report: got",
    ),
]


@pytest.mark.parametrize(("rule", "told"), RULES, ids=[told for _, told in RULES])
def test_rules_are_held_to_what_scenario_files_may_say(stage: type, rule: Document, told: str) -> None:
    problems = refused(
        stage, lambda document: at(document, "accounts", 0, "remembered").update(playing={"own": {"rules": [rule]}})
    )
    assert problems[0].startswith("body"), problems
    assert told.partition(": ")[2] in problems[0]
    assert re.sub(r"\W+", ".", f"accounts[0].remembered.playing.own.rules{told.partition(': ')[0]}") in re.sub(
        r"\W+", ".", problems[0]
    )


MOMENTS = [
    ("9999-12-31T23:59:59+00:00", "virtual: got"),
    ("9999-12-30T00:00:00+08:00", "virtual: got"),
    ("0001-01-01T00:00:00+08:00", "virtual: got"),
    ("1969-12-31T23:59:59+00:00", "virtual: got"),
    ("2112-01-01T00:00:00.000001+08:00", " 2112-01-01T00:00:00.000001+08:00 is not a moment from 1970-01-01T08:00:00"),
]


@pytest.mark.parametrize(("moment", "told"), MOMENTS)
def test_a_clock_that_no_account_can_have_is_refused(stage: type, moment: str, told: str) -> None:
    def change(document: Document) -> None:
        at(document, "accounts", 0, "kept", "standing", "clock")["virtual"] = moment

    [problem] = refused(stage, change)
    assert f"accounts[0].kept.standing.clock{'.' if told.startswith('v') else ':'}{told}" in problem


@pytest.mark.parametrize(
    ("path", "key", "value", "told"),
    [
        (("exchanges", 0), "received_at", "9999-12-31T00:00:00+08:00", "exchanges[0].received_at: got"),
        (("exchanges", 0), "received_at", "0001-01-01T00:00:00+08:00", "exchanges[0].received_at: got"),
        (("standing",), "balance", "1E+999999999", "standing.balance: got"),
        (("standing", "uids"), "counter", 4096, "standing.uids.counter: got 4096, want a whole number from 0 to 4095"),
        (("standing", "uids"), "node", -1, "standing.uids.node: got -1"),
        (("standing", "uids"), "instant", 16**13, "standing.uids.instant: got"),
        (("standing",), "dr_serial", 70_000, "standing.dr_serial: got 70000"),
        (("standing",), "outstanding", -1, "standing.outstanding: got -1, want 1, as many as there are"),
    ],
)
def test_what_would_break_requests_later_is_refused_now(
    stage: type, path: tuple[str | int, ...], key: str, value: object, told: str
) -> None:
    [problem] = refused(stage, lambda doc: at(doc, "accounts", 0, "kept", *path).update({key: value}))
    assert f"accounts[0].kept.{told}" in problem


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("plan", {"steps": []}, "plan: want steps in order of time"),
        ("plan", {"steps": [{"state": 1, "after": "PT0S", "final": False}]}, "plan: want steps"),
        (
            "plan",
            {"steps": [{"state": 2, "after": "PT90000.000001S", "final": True}]},
            "plan: want steps",
        ),
        ("msisdn", "6700\u001b[2J", "msisdn: got"),
        ("country_code", 1242, "country_code: got 1242"),
    ],
)
def test_a_message_that_no_packet_could_bring_is_refused(stage: type, key: str, value: object, told: str) -> None:
    [problem] = refused(stage, lambda doc: at(doc, "accounts", 0, "kept", "messages", 0).update({key: value}))
    assert problem.startswith(f"body: accounts[0].kept.messages[0].{told}")


def test_a_document_that_is_nested_too_deeply_is_refused(stage: type) -> None:
    condition: Document = {}
    for _ in range(400):
        condition = {"not": [condition]}
    rule = {"id": "x", "match": condition}
    problems = refused(
        stage, lambda doc: at(doc, "accounts", 0, "remembered").update(playing={"own": {"rules": [rule]}})
    )
    assert problems[0] == "it cannot be put: it is nested too deeply"


HOSTILE: list[tuple[tuple[str | int, ...], str, object, str]] = [
    ((), "rest", {}, "accounts[0].kept: Object contains unknown field `rest`"),
    (("exchanges", 0), "extra", 1, 'exchanges[0]: got "extra", want a key that is known'),
    (("exchanges", 0), "bodyy", 1, 'exchanges[0]: got "bodyy", want a key that is known'),
    (("exchanges", 0, "segmentation"), "cots", 1, 'exchanges[0].segmentation: got "cots", want a key that is known'),
    (("exchanges", 0), "$type", "Fax", "exchanges[0]"),
    (("exchanges", 0), "id", "1", "exchanges[0].id: want `int`, got `str`"),
    (("exchanges", 0), "id", True, "exchanges[0].id: want `int`, got `bool`"),
    (("exchanges", 0), "id", 1.5, "exchanges[0].id: want `int`, got `float`"),
    (("exchanges", 0), "kept_body", "no base64!", "exchanges[0].kept_body"),
    (("exchanges", 0), "currency", "XXX", "exchanges[0].currency"),
    (("exchanges", 0), "received_at", "2026-11-22T12:00:00", "exchanges[0].received_at: got"),
    (("exchanges", 0), "received_at", "noon", "exchanges[0].received_at"),
    (("standing",), "balance", "NaN", 'standing.balance: got "NaN", want a decimal'),
    (("standing",), "balance", "Infinity", 'standing.balance: got "Infinity", want a decimal'),
    (("standing",), "balance", "much", "standing.balance"),
    (("standing",), "standing", 1, 'standing: got "standing", want a key that is known'),
    (("standing", "clock"), "rate", "fast", "standing.clock.rate: want `float`, got `str`"),
    (("messages", 0), "reason", "both", "has neither price nor reason, or both"),
    (("messages", 0), "price", None, "has neither price nor reason, or both"),
    (("messages", 0), "price", "-Infinity", 'messages[0].price: got "-Infinity", want a decimal'),
    (("messages", 0), "request", 77, "the messages are not those that the exchanges speak of"),
    (("messages", 0, "plan", "steps", 0), "after", "-PT1S", "messages[0].plan.steps[0].after: got"),
    (("messages", 0, "plan", "steps", 0), "after", "P99999999D", "messages[0].plan.steps[0].after: got"),
    (("messages", 0, "plan", "steps", 0), "after", "1s", "messages[0].plan.steps[0].after"),
    (("ledger", 0), "amount", "sNaN", 'ledger[0].amount: got "sNaN", want a decimal'),
    (("ledger", 0), "reason", "theft", "ledger[0].reason"),
]


@pytest.mark.parametrize(("path", "key", "value", "told"), HOSTILE, ids=[told for _, _, _, told in HOSTILE])
def test_what_no_journal_holds_is_refused_with_its_place(
    stage: type, path: tuple[str | int, ...], key: str, value: object, told: str
) -> None:
    [problem] = refused(stage, lambda doc: at(doc, "accounts", 0, "kept", *path).update({key: value}))
    assert told in problem


# What is taken


def test_halves_of_surrogate_pairs_and_texts_that_look_like_their_escapes_come_back(stage: type) -> None:
    async def story() -> None:
        world = World(stage, Account(callback=Callback(url="http://127.0.0.1:59999/")))
        for text in ("lone \ud83d half", "\\d83d and \udc00"):
            await world.stage.receive(2, SMS_CONTENT=text, CUSTOMER_BODY={"k": text})
            await world.stage.receive(SMS_CONTENT="", ROUTE_ID=text)
        other = await moved(world, stage)
        assert await other.document() == await world.document()
        before, after = (list(each.stage.store.exchanges(each.account("default"))) for each in (world, other))
        assert before == after

    run(story())


def test_what_get_gives_of_an_account_with_everything_is_taken(stage: type) -> None:
    async def story() -> None:
        world = World(stage)
        shop = await world.make(**RICH)
        await world.keeper.change(shop, read_json_table(b'{"balance": "7", "profile": null, "callback": null}'))
        other = await moved(world, stage)
        assert msgspec.structs.replace(other.account("shop"), rules=world.account("shop").rules) == world.account(
            "shop"
        )

    run(story())


@pytest.mark.parametrize("path", bundled_scenarios(), ids=lambda path: path.stem)
def test_what_get_gives_is_taken_whatever_is_played(stage: type, path: Path) -> None:
    async def story() -> None:
        world = World(stage)
        await world.scenarios.use(world.account("default"), load_scenario(path))
        await world.stage.receive(3, world.account("default"))
        other = await moved(world, stage)
        assert await other.document() == await world.document()

    run(story())


def test_what_get_gives_is_taken_after_everything_a_scenario_can_say(stage: type) -> None:
    text = """version: 1
states: [open, closed]
magic: off
accounts: [{ name: default, balance: { amount: "3.5", currency: USD }, callback: { url: "http://x/", retries: [1s] } }]
defaults: { report: { mix: { DELIVERED: 33.3, "77": 66.7 }, delay: { type: lognormal, median: 7s, sigma: 0.8 } } }
rules:
  - { match: { to: ["852*", "65?"], content: { regex: "a+", ignore_case: on }, customer_body: { k: true, n: 1.50 },
      any: [{ country: [852] }, { state: open }], not: { probability: 0.25 }, time: { since: "22:30", after: 1h } },
      reply: [{ code: Busy, times: 2, delay: 1s }, OK], report: [{ state: 1, after: 1s }, { none: true }],
      then: closed }
  - { match: { item: { every: 3 }, priority: 1, version: "2021-01-01", sender: A*, signature: "" }, reply: 0x1000000D }
faults:
  - { fault: DRIBBLE, over: 2s, times: 3, processed: true, delay: { type: list, values: [1s, 2s] } }
timeline: [{ at: 10m, scenario: flaky }, { messages: 5, scenario: expired }]
"""
    text = text.replace('signature: ""', "signature: [A, B]")

    async def story() -> None:
        world = World(stage)
        await world.scenarios.use(world.account("default"), parse_scenario(text, "all.yaml"))
        [message, *_] = await world.stage.send(1)
        await world.stage.timekeeper.freeze(world.account("default"))
        other = await moved(world, stage)
        assert await other.document() == await world.document()
        assert message.uid

    run(story())


def test_the_numbers_of_exchanges_are_told_apart_over_all_accounts(stage: type) -> None:
    async def story() -> None:
        shop = Account(name="shop", auth_key="the key of the shop")
        world = World(stage, Account(), shop)
        await world.stage.send(1)
        await world.stage.send(1, shop)
        whole = json.dumps(await world.document())
        assert whole.count('"id": 2') == whole.count('"request": 2') == whole.count('"requests": 2') == 1
        twice = whole.replace('"id": 2', '"id": 1').replace('"request": 2', '"request": 1')
        for wrong, why in (
            (twice, "two exchanges have the same id"),
            (whole.replace('"requests": 2', '"requests": 1'), "an id above the number of requests"),
        ):
            with pytest.raises(SettingsError, match=why):
                await world.state.put(wrong.encode())
        await world.state.put(whole.encode())

    run(story())
