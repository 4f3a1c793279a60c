"""Every setting of an account is wherever accounts are: a row of the table and a field of `Account` are enough.

Spec: none; how an account is told what it is. Reading: R16.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from cli_runner import CliRunner

from cloudsms_simulator.cli.account import account as account_command
from cloudsms_simulator.config.account_body import account_values
from cloudsms_simulator.config.account_schema import ACCOUNT_OVERRIDES, AccountSettings, settings_of_account
from cloudsms_simulator.config.scenario_file import parse_scenario
from cloudsms_simulator.config.schema import SettingField, fields_of
from cloudsms_simulator.config.settings import load_settings
from cloudsms_simulator.config.sources import Location, toml_text, yaml_text
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.pytest_plugin.server import LocalServer

FIELDS = [field for field in fields_of(AccountSettings) if field.name not in ("name", "auth_key")]
BY_NAME = pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    server = LocalServer("optional", "spec")
    yield server
    server.close()


def body(said: object) -> bytes:
    return msgspec.json.Encoder(decimal_format="number").encode(said)


def made(said: dict[str, object]) -> Account:
    """The account that a table of settings makes."""
    problems: list[str] = []
    (overrides,) = ACCOUNT_OVERRIDES.take([said], Location(problems, "here"))
    assert problems == []
    return overrides.settings.account(SPEC)


@BY_NAME
def test_a_setting_is_said_over_the_api_and_is_wherever_the_account_is_shown(
    server: LocalServer, field: SettingField
) -> None:
    said = {field.name: field.kind.example}
    expected = account_values(made(said))[field.name]
    url = f"{server.admin_url}/api/v1/accounts"
    created = httpx2.post(url, content=body(said), headers={"content-type": "application/json"})
    assert created.status_code == 201, created.text
    name = created.json()["name"]
    other = httpx2.post(url, content=b"{}", headers={"content-type": "application/json"}).json()["name"]
    if "currency" not in yaml_text(field.kind.example) and field.name != "currency":
        changed = httpx2.patch(f"{url}/{other}", content=body(said), headers={"content-type": "application/json"})
        assert changed.json()["settings"][field.name] == created.json()["settings"][field.name], changed.text

    assert msgspec.json.encode(created.json()["settings"][field.name]) == msgspec.json.encode(
        msgspec.json.decode(body(expected))
    )
    page = httpx2.get(f"{server.admin_url}/control?account={name}").text
    assert f"<dt><code>{field.name}</code></dt>" in page
    shown = CliRunner().invoke(account_command, ["show", name, "--admin-url", server.admin_url, "--json"])
    assert msgspec.json.decode(shown.output)["settings"][field.name] == created.json()["settings"][field.name]


def test_what_show_has_no_line_for_is_told_as_it_is(server: LocalServer) -> None:
    created = server.client.accounts.create(rate_limit=7, blacklist={"words": ["casino"]})
    shown = CliRunner().invoke(account_command, ["show", created.name, "--admin-url", server.admin_url]).output

    assert "rate_limit     7\n" in shown
    assert 'blacklist      {"words":["casino"]}\n' in shown
    assert "pending_limit" not in shown


def test_every_setting_is_in_the_openapi_document(server: LocalServer) -> None:
    components = httpx2.get(f"{server.admin_url}/api/v1/openapi.json").json()["components"]["schemas"]

    assert components["AccountItem"]["properties"]["settings"]["$ref"] == "#/components/schemas/AccountSettings"
    assert components["AccountSettings"]["properties"].keys() == {*(field.name for field in FIELDS), "seed"}


@BY_NAME
def test_a_setting_means_the_same_in_a_scenario_and_in_the_configuration(field: SettingField, tmp_path: Path) -> None:
    expected = made({field.name: field.kind.example})
    scenario = parse_scenario(f"version: 1\naccounts: [{{ {field.name}: {yaml_text(field.kind.example)} }}]")
    path = tmp_path / "cloudsms.toml"
    path.write_text(f"[[accounts]]\n{field.name} = {toml_text(field.kind.example)}\n")

    assert scenario.accounts[0].settings.account(SPEC) == expected
    assert load_settings({"config": str(path)}, {}).settings.accounts[0].account(SPEC) == expected


@BY_NAME
def test_an_account_gives_back_the_settings_that_make_it(field: SettingField) -> None:
    account = made({field.name: field.kind.example})

    assert settings_of_account(account).account(SPEC) == account


def test_all_settings_of_an_account_are_a_body_that_changes_nothing(server: LocalServer) -> None:
    url = f"{server.admin_url}/api/v1/accounts"
    said = {field.name: field.kind.example for field in FIELDS if field.name != "currency"}
    created = httpx2.post(url, content=body(said), headers={"content-type": "application/json"})
    assert created.status_code == 201, created.text
    name, settings = created.json()["name"], created.json()["settings"]
    changed = httpx2.patch(f"{url}/{name}", json=settings)

    assert changed.status_code == 200, changed.text
    assert changed.json()["settings"] == settings
