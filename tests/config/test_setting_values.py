"""Settings as `config show` prints them: what reading gives back."""

from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from cloudsms_simulator.config.account_schema import CALLBACK, PRICES, ROUTES
from cloudsms_simulator.config.outcome_schema import REPORT
from cloudsms_simulator.config.schema import Type
from cloudsms_simulator.config.settings import Settings, load_settings, setting_values
from cloudsms_simulator.config.sources import toml_text
from cloudsms_simulator.config.values import CLOCK, DURATION, FOLDER, HOSTS, NETWORKS, ON_OFF, SWITCH_TYPES
from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.protocol.profile import StateSet


@pytest.mark.parametrize(
    "report",
    [
        '[{ state = "DELIVERED", after = "3s" }]',
        '[{ state = "ENROUTE", after = "2s", lost = true }, { state = "DELIVERED", after = "7s" }]',
        '[{ state = "DELIVERED", after = "3s", copies = 2, held = "10s" }]',
        '[{ state = "DELIVERED", after = "3s", serial = 65535, uid_case = "lower", omit = ["SERIAL"], desc = "HELD" }]',
        '[{ state = "DELIVERED", after = "3s", extra = { COST = 0.05, OPERATOR = "CMHK" } }]',
        '[{ state = "DELIVERED", after = "3s", push = "CUT", push_times = 2 }]',
        '[{ state = "DELIVERED", after = { type = "uniform", lower = "1s", upper = "20s" } }]',
        '[{ state = "DELIVERED", after = { type = "list", values = ["1s", "10s"] } }]',
        '[{ none = true }]',
        '{ mix = { DELIVERED = 97.5, REJECTED = 2.5 }, delay = { type = "lognormal", median = "7s", sigma = 1.2 } }',
    ],
)  # fmt: skip
def test_what_becomes_of_messages_is_shown_as_it_is_written(tmp_path: Path, report: str) -> None:
    path = tmp_path / "cloudsms.toml"
    path.write_text(f"[[accounts]]\nreport = {report}\n")
    (account,) = load_settings({"config": str(path)}, {}).settings.accounts

    path.write_text(f"[[accounts]]\nreport = {toml_text(REPORT.dump(account.report))}\n")

    assert load_settings({"config": str(path)}, {}).settings.accounts == (account,)
    assert set(report.replace("=", " ").split()) <= set(
        toml_text(REPORT.dump(account.report)).replace("=", " ").split()
    )


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (ON_OFF, True, True),
        (CLOCK, 0.5, Decimal("0.5")),
        (DURATION, timedelta(seconds=90), "1m30s"),
        (FOLDER, Path("certs"), "certs"),
        (NETWORKS, (ip_network("10.0.0.0/8"),), ["10.0.0.0/8"]),
        (
            PRICES,
            {None: Decimal("0.05"), 852: Decimal("0.10")},
            {"*": Decimal("0.05"), "852": Decimal("0.10")},
        ),
        (ROUTES, frozenset({"b", "a"}), ["a", "b"]),
        (HOSTS, ("b", "a"), ["b", "a"]),
        (SWITCH_TYPES["charged_states"], StateSet(frozenset({3, 2})), [2, 3]),
        (SWITCH_TYPES["charged_states"], StateSet(frozenset({8}), all_but=True), {"all_but": [8]}),
        (
            CALLBACK,
            Callback(url="http://localhost:1/", timeout=timedelta(seconds=9)),
            {"url": "http://localhost:1/", "timeout": "9s"},
        ),
    ],
)
def test_a_value_is_shown_as_toml_holds_it(kind: Type, value: object, shown: object) -> None:
    assert kind.dump(value) == shown


@pytest.mark.parametrize("settings", [Settings(), Settings(admin_token="a-secret-word")])
def test_every_setting_that_is_not_nothing_is_shown_and_a_token_is_not(settings: Settings) -> None:
    shown = setting_values(settings)
    assert set(shown) == {name for name in Settings.__struct_fields__ if getattr(settings, name) is not None}
    assert shown.get("admin_token") == (None if settings.admin_token is None else "********")
    assert (shown["journal_bytes"], shown["keep_alive"]) == ("64MiB", "4m")
