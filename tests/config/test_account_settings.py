"""Accounts as users write them."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.outcome_schema import REPORT
from cloudsms_simulator.config.schema import SettingField, fields_of
from cloudsms_simulator.config.settings import load_settings, setting_values
from cloudsms_simulator.config.sources import toml_text
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, Account, Blacklist, Callback
from cloudsms_simulator.engine.plan import DELIVERED_AFTER_A_SECOND, Plan, plan_of, step
from cloudsms_simulator.protocol.codes import State
from cloudsms_simulator.protocol.masking import fingerprint

Read = Callable[[str], tuple[Account, ...]]
Complain = Callable[[str], list[str]]

FIVE_SECONDS = timedelta(seconds=5)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The accounts that a file makes."""

    def read_accounts(text: str) -> tuple[Account, ...]:
        path = tmp_path / "cloudsms.toml"
        path.write_text(text)
        return load_settings({"config": str(path)}, {}).settings.server_accounts()

    return read_accounts


@pytest.fixture
def complain(read: Read, tmp_path: Path) -> Complain:
    """The problems of a file, without its path."""

    def problems_of(text: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            read(text)
        return [problem.removeprefix(f"{tmp_path / 'cloudsms.toml'}:") for problem in caught.value.problems]

    return problems_of


def test_an_empty_table_is_the_default_account(read: Read) -> None:
    assert read("[[accounts]]\n") == (Account(),)


def test_without_a_table_there_is_the_default_account(read: Read) -> None:
    assert read("") == (Account(),)


def test_the_default_account_exists_beside_configured_ones(read: Read) -> None:
    default, shop = read('[[accounts]]\nname = "shop"\nauth_key = "the-key-of-the-shop"\n')

    assert shop == Account(name="shop", auth_key="the-key-of-the-shop")
    assert default == Account()


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ('auth_key = "k"', "auth_key", "k"),
        ('auth_key = "*"', "auth_key", "*"),
        (f'auth_key = "{"k" * 128}"', "auth_key", "k" * 128),
        ('routes = ["A", "B"]', "routes", frozenset({"A", "B"})),
        ('routes = "*"', "routes", frozenset({"*"})),
        ("directions = [852, 65]", "directions", frozenset({852, 65})),
        ('directions = ["852"]', "directions", frozenset({852})),
        ('directions = "all"', "directions", None),
        ('prices = { 852 = "0.05", "*" = 0.10 }', "prices", {852: Decimal("0.05"), None: Decimal("0.10")}),
        ("prices = { 65 = 1 }", "prices", {65: Decimal(1)}),
        ("prices = {}", "prices", {}),
        ('currency = "JPY"', "currency", "JPY"),
        ('balance = "10.00"', "balance", Decimal("10.00")),
        ("balance = 10", "balance", Decimal(10)),
        ("balance = 0.10", "balance", Decimal("0.10")),
        ("balance = -1", "balance", Decimal(-1)),
        ('balance = "unlimited"', "balance", "unlimited"),
        ("credit_limit = 5", "credit_limit", Decimal(5)),
        (
            'blacklist = { numbers = ["85267*"], words = ["casino"] }',
            "blacklist",
            Blacklist(("85267*",), ("casino",)),
        ),
        ('whitelist = ["10.0.0.0/8", "::1"]', "whitelist", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        ('callback = { url = "http://localhost:1/" }', "callback", Callback(url="http://localhost:1/")),
        (
            'callback.url = "http://localhost:1/"\ncallback.verify = "off"',
            "callback",
            Callback(url="http://localhost:1/", verify=False),
        ),
        ("callback.verify = true", "callback", Callback()),
        (
            'callback = { url = "http://x/", retries = ["1s", "10s"], connect_timeout = "1s", timeout = "3s", '
            "concurrency = 1 }",
            "callback",
            Callback(
                url="http://x/",
                retries=(timedelta(seconds=1), timedelta(seconds=10)),
                connect_timeout=timedelta(seconds=1),
                timeout=timedelta(seconds=3),
                concurrency=1,
            ),
        ),
        ('default_sender = "Shop"', "default_sender", "Shop"),
        ('signatures = ["Shop"]', "signatures", frozenset({"Shop"})),
        ("rate_limit = 5", "rate_limit", 5),
        ("pending_limit = 0", "pending_limit", 0),
        ("push_window = 8", "push_window", 8),
        ('report = [{ state = "UNDELIVERABLE", after = "5s" }]', "plan", plan_of(step(5, FIVE_SECONDS))),
        ('report = [{ state = "rejected" }]', "plan", plan_of(step(State.REJECTED, timedelta(seconds=1)))),
        ('report = [{ state = 77, after = "5s", lost = true }]', "plan", plan_of(step(77, FIVE_SECONDS, lost=True))),
        (
            'report = [{ state = "ENROUTE", after = "1s" }, { state = 2, after = "5s" }]',
            "plan",
            plan_of(step(1, timedelta(seconds=1)), step(2, FIVE_SECONDS)),
        ),
        ("report = [{ none = true }]", "plan", plan_of()),
        (
            'report = [{ state = "ENROUTE", after = "5s" }, { none = true }]',
            "plan",
            plan_of(step(1, FIVE_SECONDS)),
        ),
        (
            'report = [{ state = 77, after = "5s", final = false }]',
            "plan",
            plan_of(msgspec.structs.replace(step(77, FIVE_SECONDS), final=False)),
        ),
    ],
)
def test_a_line_changes_one_field_of_the_account(read: Read, line: str, field: str, value: object) -> None:
    (account,) = read(f"[[accounts]]\n{line}\n")

    assert account == msgspec.structs.replace(Account(), **{field: value})


def test_a_balance_can_bring_its_currency(read: Read) -> None:
    (account,) = read('[[accounts]]\nbalance = { amount = "10.00", currency = "HKD" }\n')

    assert (account.balance, account.currency) == (Decimal("10.00"), "HKD")


def test_callback_files_are_relative_to_the_configuration(read: Read, tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()

    (account,) = read(
        '[[accounts]]\ncallback = { url="http://x/", ca="ca.pem", client_cert="cert.pem", client_key="key.pem" }\n'
    )

    assert account.callback == Callback(
        url="http://x/",
        ca=str(tmp_path / "ca.pem"),
        client_cert=str(tmp_path / "cert.pem"),
        client_key=str(tmp_path / "key.pem"),
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("reprot = []", '2:1: unknown key "reprot"; did you mean "report"?'),
        ('name = "a b"', '2:8: accounts[0].name: got "a b", want a name of 1 to 64 letters, digits'),
        ('name = "*"', '2:8: accounts[0].name: got "*", want a name of 1 to 64 letters'),
        ('routes = "VerifyCode_516"', '2:10: accounts[0].routes: got "VerifyCode_516", want a list of ROUTE_IDs, or'),
        ('routes = [""]', '2:11: accounts[0].routes[0]: got "", want a ROUTE_ID of 1 to 255 octets'),
        ("directions = [1242]", "2:15: accounts[0].directions[0]: got 1242, want an assigned country calling code"),
        ("directions = [true]", "2:15: accounts[0].directions[0]: got true, want an assigned country calling code"),
        ('prices = { "852x" = 1 }', '2:21: accounts[0].prices.852x: got "852x", want an assigned country calling code'),
        ("prices = { 852 = -1 }", "2:18: accounts[0].prices.852: got -1, want a price from zero up, at most 12 digits"),
        ("prices = { 852 = nan }", "2:18: accounts[0].prices.852: got nan, want a price from zero up"),
        ("prices = { 852 = true }", "2:18: accounts[0].prices.852: got true, want a price from zero up"),
        ("prices = { 852 = 1e400 }", "2:18: accounts[0].prices.852: got 1e+400, want a price from zero up"),
        ("prices = 0.05", "2:10: accounts[0].prices: got 0.05, want a table from country code"),
        ('currency = "XXX"', '2:12: accounts[0].currency: got "XXX", want "CNY", "HKD", "TWD", "EUR", "USD", "GBP"'),
        ('balance = "lots"', '2:11: accounts[0].balance: got "lots", want "unlimited", a decimal, at most 12 digits'),
        ('balance = "1e3"', '2:11: accounts[0].balance: got "1e3", want "unlimited", a decimal'),
        ("balance = 0.123456789", "2:11: accounts[0].balance: got 0.123456789, want"),
        ("balance = { amount = 1 }", '2:11: accounts[0].balance: got { amount = 1 }, want "unlimited", a decimal'),
        ('balance = { amount = 1, currency = "X" }', "2:11: accounts[0].balance: got { amount = 1, currency"),
        ('balance = { amount = "x", currency = "USD" }', "2:11: accounts[0].balance: got { amount"),
        ("credit_limit = -1", "2:16: accounts[0].credit_limit: got -1, want a decimal from zero up"),
        ("blacklist = { word = [] }", '2:15: unknown key "word"; did you mean "words"?'),
        ('callback = "http://x/"', '2:12: accounts[0].callback: got "http://x/", want a table such as'),
        ('callback = { url = "ftp://x" }', '2:20: accounts[0].callback.url: got "ftp://x", want an address such as'),
        ("callback = { retries = [5] }", "2:25: accounts[0].callback.retries[0]: got 5, want a duration with its unit"),
        ("callback = { concurrency = 0 }", "2:28: accounts[0].callback.concurrency: got 0, want a whole number, 1 or"),
        (
            'callback = { ca = "x.pem" }',
            '2:19: accounts[0].callback.ca: got "x.pem", want the path of a file; there',
        ),
        ('default_sender = "中"', '2:18: accounts[0].default_sender: got "中", want 1 to 32 characters of printable'),
        ("push_window = 0", "2:15: accounts[0].push_window: got 0, want a whole number, 1 or more"),
        ("rate_limit = -1", "2:14: accounts[0].rate_limit: got -1, want a whole number, 0 or more"),
        ('profile = "spce"', '2:11: accounts[0].profile: got "spce", want "spec" or "observed"; did you mean "spec"?'),
        ("report = [{}]", "2:11: accounts[0].report[0]: got no state, want one, such as"),
        ('report = [{ state = "GONE" }]', '2:21: accounts[0].report[0].state: got "GONE", want the name of a state'),
        ("report = [{ state = -1 }]", "2:21: accounts[0].report[0].state: got -1, want the name of a state"),
        ("report = [{ state = 2, after = 5 }]", "2:32: accounts[0].report[0].after: got 5, want a duration"),
        ("report = [{ none = true, state = 2 }]", "2:11: accounts[0].report[0]: got more beside none, want"),
        ("report = [{ none = true }, { state = 1 }]", "2:10: accounts[0].report: got [{ none = true }, { state = 1 }]"),
        ("report = [{ state = 2 }, { none = true }]", "2:10: accounts[0].report: got [{ state = 2 }, { none = true }]"),
    ],
)
def test_a_wrong_line_is_told_with_its_place_and_what_would_be_right(
    complain: Complain, line: str, problem: str
) -> None:
    (found,) = complain(f"[[accounts]]\n{line}\n")

    assert found.startswith(problem)


@pytest.mark.parametrize("key", ["", "k" * 129, "é" * 65])
def test_a_wrong_auth_key_is_not_repeated(complain: Complain, key: str) -> None:
    (problem,) = complain(f'[[accounts]]\nauth_key = "{key}"\n')

    assert problem.startswith('2:12: accounts[0].auth_key: got something not repeated here, want a text, or "*"')


def test_a_client_key_wants_its_certificate(complain: Complain, tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch()

    (problem,) = complain('[[accounts]]\ncallback = { url = "http://x/", client_key = "key.pem" }\n')

    assert problem.startswith("2:46: accounts[0].callback.client_key: got a key alone, want client_cert too")


@pytest.mark.parametrize(
    ("callback", "said"),
    [
        ('retries = ["1s"]', "retries"),
        ("verify = false", "verify"),
        ('identity = "expired", timeout = "3s"', "timeout, identity"),
        ("concurrency = 8", "concurrency"),
    ],
)
def test_a_callback_that_leads_nowhere_is_told_what_is_missing(
    complain: Complain, read: Read, callback: str, said: str
) -> None:
    wanted = 'and no url, want url too, such as "https://localhost:59999/": without it no report is pushed'
    of_default, of_other = (
        f"[[accounts]]\ncallback = {{ {callback} }}\n",
        f'[[accounts]]\nname = "b"\nauth_key = "k"\ncallback = {{ {callback} }}\n',
    )

    assert complain(of_default) == [
        f"1: account default: callback: got {said} {wanted}; --callback-url says it as well"
    ]
    assert complain(of_other) == [f"4:12: accounts[0].callback: got {said} {wanted}"]
    (account,) = read(f'callback_url = "http://localhost:1/"\n{of_default}')
    assert account.callback.url == "http://localhost:1/"


def test_names_are_unique(complain: Complain) -> None:
    assert complain('[[accounts]]\nname = "default"\n[[accounts]]\nauth_key = "b"\n') == [
        '3:1: accounts[1].name: got "default" again, want a name of its own for every account'
    ]


def test_keys_are_unique_and_never_repeated(complain: Complain) -> None:
    text = '[[accounts]]\nname = "a"\nauth_key = "k"\n[[accounts]]\nname = "b"\nauth_key = "k"\n'

    assert complain(text) == ['6:12: accounts[1].auth_key: got the key of account "a", want a key of its own']


def test_nobody_else_can_have_the_key_of_the_default_account(complain: Complain) -> None:
    assert complain(f'[[accounts]]\nname = "a"\nauth_key = "{DEFAULT_AUTH_KEY}"\n') == [
        '3:12: accounts[0].auth_key: got the key of account "default", want a key of its own'
    ]


def test_at_most_one_account_answers_to_every_key(complain: Complain) -> None:
    text = '[[accounts]]\nname = "a"\nauth_key = "*"\n[[accounts]]\nname = "b"\nauth_key = "*"\n'

    assert complain(text) == [
        '6:12: accounts[1].auth_key: got "*", which account "a" has, want it for at most one account'
    ]


def test_every_account_but_the_default_wants_a_key(complain: Complain) -> None:
    assert complain('[[accounts]]\nname = "a"\n') == [
        "1:1: accounts[0]: got no auth_key, want one, as for every account but `default`"
    ]


def test_a_currency_stands_in_one_place(complain: Complain) -> None:
    (problem,) = complain('[[accounts]]\ncurrency = "USD"\nbalance = { amount = 1, currency = "HKD" }\n')

    assert problem.startswith("2:12: accounts[0].currency: got a currency beside that of the balance")


def test_the_problems_of_all_accounts_are_listed_at_once(complain: Complain) -> None:
    text = '[[accounts]]\nbalance = "x"\n[[accounts]]\nname = "default"\nreprot = 1\n'

    assert [problem.split(":")[0] for problem in complain(text)] == ["2", "5", "4"]


def test_every_field_of_an_account_can_be_written() -> None:
    written = {field.name for field in fields_of(AccountSettings)} - {"switches", "report"}

    assert written == {field.name for field in msgspec.structs.fields(Account)} - {"plan", "rules", "seed"}


def test_the_defaults_are_those_of_the_default_account() -> None:
    assert AccountSettings().account(Account().profile) == Account()


@pytest.mark.parametrize("field", fields_of(AccountSettings), ids=lambda field: field.name)
def test_every_key_says_what_it_is_for(field: SettingField) -> None:
    assert field.doc.endswith(".")


@pytest.mark.parametrize("field", fields_of(AccountSettings), ids=lambda field: field.name)
def test_every_example_can_be_read(read: Read, field: SettingField) -> None:
    assert read(f"[[accounts]]\n{field.name} = {toml_text(field.kind.example)}\n")


@pytest.mark.parametrize(
    "field", [field for field in fields_of(AccountSettings) if field.default is not None], ids=lambda field: field.name
)
def test_every_default_is_written_as_it_is_read(read: Read, field: SettingField) -> None:
    assert read(f"[[accounts]]\n{field.name} = {toml_text(field.kind.dump(field.default))}\n") == (Account(),)


def test_an_account_is_shown_with_the_fingerprint_of_its_key() -> None:
    shown = setting_values(AccountSettings(auth_key="the-key-of-the-shop"))

    assert shown["auth_key"] == fingerprint("the-key-of-the-shop")
    assert setting_values(AccountSettings(auth_key="*"))["auth_key"] == "*"


@pytest.mark.parametrize(
    "plan",
    [
        DELIVERED_AFTER_A_SECOND,
        plan_of(),
        plan_of(step(State.ENROUTE, FIVE_SECONDS)),
        plan_of(step(State.ENROUTE, FIVE_SECONDS), step(77, timedelta(hours=26))),
        plan_of(step(State.IDLE, FIVE_SECONDS, lost=True), step(State.DELETED, timedelta(minutes=1))),
        plan_of(msgspec.structs.replace(step(77, FIVE_SECONDS), final=False)),
    ],
)
def test_a_plan_is_shown_as_it_is_written(read: Read, plan: Plan) -> None:
    (account,) = read(f"[[accounts]]\nreport = {toml_text(REPORT.dump(plan))}\n")

    assert account.plan == plan


@pytest.mark.parametrize("field", fields_of(AccountSettings), ids=lambda field: field.name)
def test_what_no_setting_holds_is_not_written(field: SettingField) -> None:
    with pytest.raises(TypeError):
        field.kind.dump(object())
