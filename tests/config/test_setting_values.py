"""Settings as `config show` prints them: what reading gives back."""

from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from cloudsms_simulator.config.settings import Settings, load_settings, setting_values, toml_value
from cloudsms_simulator.config.sources import toml_text
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

    path.write_text(f"[[accounts]]\nreport = {toml_text(toml_value(account.report))}\n")

    assert load_settings({"config": str(path)}, {}).settings.accounts == (account,)
    assert set(report.replace("=", " ").split()) <= set(toml_text(toml_value(account.report)).replace("=", " ").split())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, True),
        (0.5, Decimal("0.5")),
        (timedelta(seconds=90), "1m30s"),
        (Path("certs"), "certs"),
        (ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        ({None: Decimal("0.05"), 852: Decimal("0.10")}, {"*": Decimal("0.05"), "852": Decimal("0.10")}),
        (frozenset({"b", "a"}), ["a", "b"]),
        ((1, "x"), [1, "x"]),
        (StateSet(frozenset({3, 2})), [2, 3]),
        (StateSet(frozenset({8}), all_but=True), {"all_but": [8]}),
        (
            Callback(url="http://localhost:1/", timeout=timedelta(seconds=9)),
            {"url": "http://localhost:1/", "timeout": "9s"},
        ),
    ],
)
def test_a_value_is_shown_as_toml_holds_it(value: object, shown: object) -> None:
    assert toml_value(value) == shown


@pytest.mark.parametrize("settings", [Settings(), Settings(admin_token="a-secret-word")])
def test_every_setting_that_is_not_nothing_is_shown_and_a_token_is_not(settings: Settings) -> None:
    shown = setting_values(settings)
    assert set(shown) == {name for name in Settings.__struct_fields__ if getattr(settings, name) is not None}
    assert shown.get("admin_token") == (None if settings.admin_token is None else "********")
    assert (shown["journal_bytes"], shown["keep_alive"]) == ("64MiB", "4m")
