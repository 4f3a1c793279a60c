"""What is asked of an account over the API: each mistake is told, and all of them at once."""

import json
from decimal import Decimal

import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_body import Credit, read_account_change, read_credit, read_new_account
from cloudsms_simulator.config.sources import read_json_table

KEY = "a key that nobody has"


def problems_of(read: object, body: object) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(read_json_table(json.dumps(body).encode()))
    return list(raised.value.problems)


def new(table: object) -> object:
    return read_new_account(table, "made-up", KEY)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"name": "a b"},
            'body: name: got "a b", want a name of 1 to 64 letters, digits, dots, dashes and underscores',
        ),
        ({"rotes": ["A"]}, 'body: unknown key "rotes"; did you mean "routes"?'),
        ({"rotes": None}, 'body: unknown key "rotes"; did you mean "routes"?'),
        ({"callback": {"ulr": "x"}}, 'body.callback: unknown key "ulr"; did you mean "url"?'),
        ({"callback": {"url": None}}, "body: callback.url: got null, want a value, or the key left out"),
        (
            {"callback": {"ca": "/etc/passwd"}},
            "body: callback.ca: paths of files are for the configuration, not for the API",
        ),
        (
            {"clock": "slow"},
            'body: clock: got "slow", want "real", "frozen", or how many times as fast as real time, '
            "such as 3600, from 0.001 to 1,000,000",
        ),
        ({"clock": True}, "body: clock: got true, want"),
        ({"clock": 10**7}, "body: clock: got 10000000, want"),
        ({"scenario": "flakey"}, 'body: scenario: got "flakey", want the name of a bundled scenario: there is no'),
        ({"scenario": "/etc/passwd"}, 'body: scenario: got "/etc/passwd", want the name of a bundled scenario'),
        ({"scenario": "../README.md"}, 'body: scenario: got "../README.md", want the name of a bundled scenario'),
        (
            {"callback": {"retries": ["1s"]}},
            'body: callback: got retries and no url, want url too, such as "https://localhost:59999/"',
        ),
        ({"callback": {"verify": False, "concurrency": 8}}, "body: callback: got concurrency, verify and no url"),
        (
            {"report": [{"state": "DELIVERED", "after": "1s"}, {"state": "ENROUTE", "after": "5s"}]},
            'body: report: got [{ state: "DELIVERED", after: "1s" }, { state: "ENROUTE", after: "5s" }], want no state',
        ),
        ({"switches": {"missing_key_code": "0x03"}}, 'body: switches.missing_key_code: got "0x03", want 0x10000001'),
        ({"seed": -1}, "body: seed: got -1, want a whole number, 0 or more"),
        ({"auth_key": ""}, "body: auth_key: got something not repeated here, want"),
        (
            {"balance": {"amount": "1", "currency": "HKD"}, "currency": "HKD"},
            "body: currency: got a currency beside that of the balance, want one of the two",
        ),
    ],
)
def test_a_mistake_in_a_new_account_is_told(body: dict[str, object], told: str) -> None:
    [problem] = problems_of(new, body)
    assert problem.startswith(told)


def test_all_mistakes_are_told() -> None:
    body = {"name": "", "prices": {"852": -1, "999999": 1}, "callback": {"ca": "x", "verify": 3}, "push_window": 0}
    assert len(problems_of(new, body)) == 6


@pytest.mark.parametrize("key", ["name", "auth_key", "clock", "scenario"])
def test_some_keys_of_an_account_do_not_change(key: str) -> None:
    for value in ("real", None):
        [problem] = problems_of(read_account_change, {key: value})
        assert problem.startswith(f"body: {key}: ")


def test_a_change_says_only_what_it_says() -> None:
    request = read_account_change(read_json_table(b'{"routes": ["A"], "rate_limit": null, "seed": null}'))
    assert request.said.said == {"routes", "rate_limit"}
    assert (request.seed, request.said.settings.rate_limit) == (None, None)


@pytest.mark.parametrize(("amount", "credit"), [("10.50", "10.50"), (10.5, "10.5"), (7, "7"), ("1e2", "100")])
def test_a_credit_is_an_exact_decimal(amount: object, credit: str) -> None:
    assert read_credit(read_json_table(json.dumps({"amount": amount}).encode())) == Credit(Decimal(credit), None)


@pytest.mark.parametrize("amount", [0, "-1", "much", "NaN", True, 10**12, "0.000000001", [], "1e999999999"])
def test_a_credit_is_more_than_nothing_and_less_than_everything(amount: object) -> None:
    [problem] = problems_of(read_credit, {"amount": amount})
    assert problem.startswith("body: amount: got ")


def test_a_credit_needs_an_amount() -> None:
    [problem] = problems_of(read_credit, {"currency": "USD"})
    assert problem.startswith("body: got no amount, want one")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[]", "the body is not a JSON object; send {…}"),
        (b"{", "the body is not JSON: "),
        (b'{"name": "\xff"}', "the body is not JSON: "),
        (b'{"a": [null, {"b": null}]}', "body: a[0]: got null"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "body: a.a.a"),
    ],
)
def test_what_is_no_table_is_told(body: bytes, told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_json_table(body)
    assert raised.value.problems[0].startswith(told)


def test_an_empty_body_is_an_empty_table_and_numbers_are_exact() -> None:
    assert read_json_table(b"").values == {}
    table = read_json_table(b'{"a": 0.1, "b": null, "c": {"d": [1, "x", true]}}')
    assert table.values == {"a": Decimal("0.1"), "c": {"d": [1, "x", True]}}
    assert table.nulls == {"b"}
