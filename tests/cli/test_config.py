import json
import re
import tomllib
from pathlib import Path

import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.config import config_template
from cloudsms_simulator.cli.serve import OFFERED_SETTINGS
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.schema import SettingField, fields_of
from cloudsms_simulator.config.settings import Settings, load_settings
from cloudsms_simulator.config.values import SWITCH_TYPES
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.masking import fingerprint

FILE = """\
port = 1
admin_token = "a-secret-word"

[[accounts]]
name = "shop"
auth_key = "the-key-of-the-shop"
prices = { 852 = "0.05" }
"""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLOUDSMS_SIM_CONFIG", "CLOUDSMS_SIM_PORT", "CLOUDSMS_SIM_ADMIN_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cloudsms.toml"
    path.write_text(FILE)
    return path


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["config", *map(str, args)])


def test_show_prints_the_settings_in_effect_as_a_file_that_makes_the_same(file: Path, tmp_path: Path) -> None:
    file.write_text('port = 1\nprofile = "observed"\nbody_limit = "16KiB"\nswitches = { unpriced = "sync" }\n')
    shown = tmp_path / "shown.toml"

    result = run("show", "--config", file, "--admin-port", "2", "--callback-url", "http://localhost:3/")
    shown.write_text(result.output)

    assert result.exit_code == 0
    flags = {"config": str(file), "admin_port": "2", "callback_url": "http://localhost:3/"}
    before = load_settings(flags, {}).settings
    after = load_settings({"config": str(shown)}, {}).settings
    for name in {field.name for field in fields_of(Settings)} - {"config"}:
        assert getattr(after, name) == getattr(before, name)


def test_show_never_prints_a_key_or_a_token(file: Path) -> None:
    for more in ([], ["--json"], ["--origin"]):
        result = run("show", "--config", file, *more)

        assert result.exit_code == 0
        assert "the-key-of-the-shop" not in result.output
        assert "a-secret-word" not in result.output
        assert fingerprint("the-key-of-the-shop") in result.output


def test_no_command_tells_the_password_of_a_database(file: Path) -> None:
    file.write_text('store = "postgresql://clerk:a-secret@db/sms?sslmode=require"\n')
    for more in ([], ["--json"], ["--origin"]):
        result = run("show", "--config", file, *more)
        assert (result.exit_code, "a-secret" in result.output) == (0, False)
        assert "postgresql://clerk:***@db/sms?sslmode=require" in result.output
    for wrong in ("postgres://clerk:a-secret@db/sms", "postgresql:clerk:a-secret@db", "clerk:a-secret@db"):
        file.write_text(f'store = "{wrong}"\n')
        for result in (run("check", file), run("show", "--config", file), run("show", "--store", wrong)):
            assert (result.exit_code, "a-secret" in result.output) == (2, False)
            assert "***" in result.output


def test_show_says_where_each_value_comes_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSMS_SIM_ADMIN_PORT", "2")

    lines = run("show", "--origin", "--config", file, "--mtls", "required").output.splitlines()

    assert f"port = 1  # {file}:1" in lines
    assert "admin_port = 2  # environment CLOUDSMS_SIM_ADMIN_PORT" in lines
    assert 'mtls = "required"  # flag --mtls' in lines
    assert 'host = "127.0.0.1"  # default' in lines
    assert f"[[accounts]]  # {file}:4" in lines


def test_show_says_where_in_a_scenario_a_value_stands(file: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "evening.yaml"
    scenario.write_text("version: 1\nseed: 42\nprofile: observed\naccounts:\n  - { name: default, balance: 10 }\n")

    lines = run("show", "--origin", "--config", file, "--scenario", scenario, "--profile", "spec").output.splitlines()

    assert f"seed = 42  # {scenario}:2" in lines
    assert 'profile = "spec"  # flag --profile' in lines
    assert f'scenario = "{scenario}"  # flag --scenario' in lines
    assert f"[[accounts]]  # {scenario}:4" in lines


def test_show_in_json_has_every_setting(file: Path) -> None:
    shown = json.loads(run("show", "--json", "--config", file).output)
    told = json.loads(run("show", "--json", "--origin", "--config", file).output)

    assert list(shown) == list(told) == [field.name for field in fields_of(Settings)]
    assert (shown["port"], shown["seed"], shown["accounts"][1]["prices"]) == (1, None, {"852": "0.05"})
    assert told["port"] == {"value": 1, "origin": f"{file}:1"}


def test_a_variable_that_is_no_setting_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSMS_SIM_PROT", "1")

    result = run("show")

    assert result.exit_code == 0
    assert 'Warning: environment CLOUDSMS_SIM_PROT: there is no such setting; did you mean "CLOUDSMS' in result.stderr
    tomllib.loads(result.stdout)


def test_wrong_settings_end_2_with_one_message(file: Path) -> None:
    file.write_text("port = 70000\nprot = 1\n")

    result = run("show", "--config", file)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: 2 things are wrong:\n  {file}:1:8: port: got 70000")
    assert "Traceback" not in result.output


def test_check_of_a_good_file_ends_0(file: Path) -> None:
    result = run("check", file)

    assert (result.exit_code, result.output) == (0, f"{file}: good\n")


def test_check_of_a_bad_file_ends_2_and_lists_every_problem(file: Path) -> None:
    file.write_text("port = 70000\nprot = 1\n")

    result = run("check", file)

    assert result.exit_code == 2
    assert f"{file}:1:8: port: got 70000" in result.output
    assert f'{file}:2:1: unknown key "prot"; did you mean "port"?' in result.output


def test_check_in_json_lists_the_problems(file: Path) -> None:
    good = run("check", "--json", file)
    file.write_text("prot = 1\n")
    bad = run("check", "--json", file)

    assert (good.exit_code, json.loads(good.output)) == (0, {"file": str(file), "problems": []})
    assert bad.exit_code == 2
    assert json.loads(bad.output)["problems"] == [f'{file}:1:1: unknown key "prot"; did you mean "port"?']


def test_check_does_not_mind_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSMS_SIM_PORT", "nonsense")

    assert run("check", file).exit_code == 0


def test_init_prints_a_file_that_changes_nothing(file: Path) -> None:
    result = run("init")
    file.write_text(result.output)

    assert result.exit_code == 0
    assert tomllib.loads(result.output) == {}
    assert load_settings({"config": str(file)}, {}).settings.server_accounts() == (Account(),)


def test_every_line_of_init_can_be_used(file: Path) -> None:
    (file.parent / "ca.pem").touch()
    text = re.sub(r"^#(?! )", "", config_template(), flags=re.MULTILINE)
    file.write_text(text)

    table = tomllib.loads(text)

    assert set(table) == {field.name for field in fields_of(Settings)} - {"config"}
    assert set(table["switches"]) == set(SWITCH_TYPES)
    assert set(table["accounts"][0]) == {field.name for field in fields_of(AccountSettings)}
    load_settings({"config": str(file)}, {})


def test_no_line_of_init_is_wider_than_100_columns_but_settings() -> None:
    assert all(len(line) <= 100 for line in config_template().splitlines() if line.startswith("# "))


@pytest.mark.parametrize("field", OFFERED_SETTINGS, ids=lambda field: field.name)
def test_every_setting_is_an_option_that_helps(field: SettingField) -> None:
    text = " ".join(CliRunner().invoke(main, ["serve", "--help"]).output.split())

    assert f"{field.flag} " in text
    assert f"[{field.variable}" in text


def test_a_switch_can_be_turned_off_by_its_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSMS_SIM_PLAIN", "on")

    assert json.loads(run("show", "--json").output)["plain"] is True
    assert json.loads(run("show", "--json", "--no-plain").output)["plain"] is False
