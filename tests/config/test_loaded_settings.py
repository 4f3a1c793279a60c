"""Settings with a scenario: what each of them has a say in, and which comes first."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.scenario_folder import find_scenario
from cloudsms_simulator.config.settings import LoadedSettings, load_settings, without_overruled
from cloudsms_simulator.engine.money import Money

SCENARIO = """\
version: 1
name: evening
seed: 42
profile: observed
accounts:
  - name: default
    balance: 10
    callback: { url: "http://localhost:1/", timeout: 9s }
"""
CONFIGURATION = """\
seed = 1
profile = "spec"
scenario = "evening.yaml"
[[accounts]]
currency = "HKD"
balance = "5.00"
default_sender = "Shop"
[[accounts]]
name = "other"
auth_key = "other-key"
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file by name, and returns its path."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def scenario(write: Write) -> Path:
    return write("evening.yaml", SCENARIO)


def load(path: Path, **flags: str) -> LoadedSettings:
    return load_settings({"scenario": str(path), **flags}, {})


def problems_of(path: Path, **flags: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(path, **flags)
    return caught.value.problems


def test_a_scenario_comes_before_the_file_and_after_flags_and_environment(write: Write, scenario: Path) -> None:
    path = write("cloudsms.toml", CONFIGURATION)

    by_file = load_settings({"config": str(path)}, {})
    by_environment = load_settings({"config": str(path)}, {"CLOUDSMS_SIM_SEED": "2"})
    by_flag = load_settings({"config": str(path), "seed": "3"}, {"CLOUDSMS_SIM_SEED": "2"})

    assert [each.settings.seed for each in (by_file, by_environment, by_flag)] == [42, 2, 3]
    assert [each.origins["seed"] for each in (by_file, by_environment, by_flag)] == [
        f"{scenario}:3",
        "environment CLOUDSMS_SIM_SEED",
        "flag --seed",
    ]
    assert (by_file.settings.profile, by_file.origins["profile"]) == ("observed", f"{scenario}:4")
    assert (by_file.settings.scenario, by_file.origins["scenario"]) == (scenario, f"{path}:3")
    assert by_file.scenario is not None
    assert by_file.scenario.name == "evening"


def test_what_a_scenario_says_of_an_account_replaces_what_the_file_says_key_by_key(
    write: Write, scenario: Path
) -> None:
    loaded = load_settings({"config": str(write("cloudsms.toml", CONFIGURATION))}, {})

    default, other = loaded.settings.server_accounts()
    assert (default.balance, default.default_sender, default.callback.url) == (
        Decimal(10),
        "Shop",
        "http://localhost:1/",
    )
    assert (other.name, other.balance) == ("other", Decimal(1000))
    assert loaded.origins["accounts"] == f"{scenario}:5"


def test_the_callback_url_comes_before_the_scenario_s(scenario: Path) -> None:
    (default,) = load(scenario, callback_url="http://localhost:2/").settings.server_accounts()
    assert (default.callback.url, default.callback.timeout) == ("http://localhost:2/", timedelta(seconds=9))


def test_a_bundled_scenario_is_named(tmp_path: Path) -> None:
    loaded = load_settings({}, {"CLOUDSMS_SIM_SCENARIO": "flaky"})

    assert loaded.settings.scenario == find_scenario("flaky")
    assert (loaded.settings.seed, loaded.origins["scenario"]) == (42, "environment CLOUDSMS_SIM_SCENARIO")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            "flakey",
            'flag --scenario: got "flakey", want the name of a bundled scenario, or the path of a file: there is',
        ),
        ("flakey", 'did you mean "flaky"?'),
        ("no/such.yaml", "there is no file no/such.yaml"),
        (" ", 'flag --scenario: got " ", want the name'),
    ],
)
def test_a_scenario_that_is_not_there_is_told(said: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"scenario": said}, {})
    (found,) = caught.value.problems
    assert problem in found


def test_every_mistake_of_a_scenario_is_told_beside_those_of_the_settings(write: Write) -> None:
    path = write("busy.yaml", "version: 1\nrulse: []\nrules: [{ reply: Bussy }]\n")

    assert [problem.split(": ")[0] for problem in problems_of(path, port="x")] == [
        "flag --port",
        f"{path}:2:1",
        f"{path}:3:18",
    ]


def test_accounts_that_cannot_live_together_are_told(write: Write) -> None:
    path = write("shop.yaml", "version: 1\naccounts: [{ name: shop }]\n")
    (problem,) = problems_of(path)
    assert problem.startswith(f"{path}: account shop: ")


def test_warnings_of_a_scenario_are_warnings(write: Write) -> None:
    path = write("twice.yaml", "version: 1\nrules: [{ reply: Busy }, { id: late, reply: OK }]\n")
    (warning,) = load(path).warnings
    assert warning.startswith(f'{path}:2:26: rules[1]: "late" is never reached')


def test_there_must_be_something_to_watch(scenario: Path) -> None:
    assert load(scenario, watch="on").warnings == ()
    assert load_settings({"watch": "on"}, {}).warnings == (
        "flag --watch: watch: there is no scenario to watch (--scenario)",
    )


@pytest.mark.parametrize("said", ["seed", "profile"])
def test_what_flags_say_an_edit_of_the_scenario_does_not_change(scenario: Path, said: str) -> None:
    loaded = load(scenario, **{said: {"seed": "7", "profile": "spec"}[said]})
    assert loaded.scenario is not None

    kept = without_overruled(loaded.scenario, loaded.settings, loaded.fixed)

    assert {name for name in ("seed", "profile") if getattr(kept, name) is None} == {said}


def test_an_edit_of_the_scenario_leaves_the_callback_url_and_other_accounts_alone(write: Write, scenario: Path) -> None:
    flags = {"config": str(write("cloudsms.toml", CONFIGURATION)), "callback_url": "http://localhost:2/"}
    loaded = load_settings(flags, {})
    assert loaded.scenario is not None

    kept = {
        each.settings.name: each for each in without_overruled(loaded.scenario, loaded.settings, frozenset()).accounts
    }

    callback = kept["default"].settings.callback
    assert (callback.url, callback.timeout) == ("http://localhost:2/", timedelta(seconds=9))
    assert kept["default"].said == {"name", "balance", "callback"}
    assert kept["other"].said == {"name"}
    base = loaded.settings.accounts[1]
    assert kept["other"].over(base) == base


def test_a_balance_in_the_file_s_currency_becomes_the_scenario_s(write: Write) -> None:
    write("evening.yaml", SCENARIO.replace("balance: 10", 'balance: { amount: "10.00", currency: USD }'))
    loaded = load_settings({"config": str(write("cloudsms.toml", CONFIGURATION))}, {})
    assert loaded.settings.accounts[0].balance == Money(Decimal("10.00"), "USD")
    assert loaded.settings.server_accounts()[0].currency == "USD"
