"""The reference of the format: it names every key, and its examples are good files."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.scenario_file import load_scenario, parse_scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.config.scenario_schema import SCHEMA_NAME, editor_line, scenario_json_schema
from cloudsms_simulator.config.yaml_source import parse_yaml, read_yaml
from cloudsms_simulator.engine.faults import Fault, PushFault, TlsTrouble

README = (Path(__file__).parents[2] / "scenarios" / "README.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
SCHEMA = json.loads(scenario_json_schema())
_json = msgspec.json.Encoder(decimal_format="number")


def objects(part: object) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON value."""
    if isinstance(part, Mapping):
        yield part
        for value in part.values():
            yield from objects(value)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for value in part:
            yield from objects(value)


def tables() -> Iterator[Mapping[str, Mapping[str, object]]]:
    """The keys of every table of the format, each with its schema."""
    for part in objects(SCHEMA):
        if part.get("type") == "object" and isinstance(properties := part.get("properties"), Mapping):
            yield properties


SWITCHES = SCHEMA["$defs"]["account"]["properties"]["switches"]["properties"]
KEYS = sorted({key for table in tables() for key in table if table.keys() != SWITCHES.keys()})

ACCOUNT_KEYS = {key for part in objects(SCHEMA["$defs"]["account"]) for key in part.get("properties", {})}
"""Explained with the configuration, where they are the same."""


def is_valid(values: object) -> bool:
    return bool(jsonschema_rs.validator_for(SCHEMA).is_valid(json.loads(_json.encode(values))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all examples, and the files they speak of."""
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).touch()
    return tmp_path


def test_every_block_of_yaml_is_an_example() -> None:
    assert README.count("```yaml") == len(EXAMPLES) > 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_good_file(folder: Path, name: str) -> None:
    scenario = load_scenario(folder / name)

    assert scenario.warnings == ()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_fits_the_schema(folder: Path, name: str) -> None:
    assert is_valid(read_yaml(folder / name).values)


@pytest.mark.parametrize("path", bundled_scenarios(), ids=lambda path: path.stem)
def test_a_bundled_scenario_fits_the_schema(path: Path) -> None:
    assert is_valid(read_yaml(path).values)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_explained_and_shown(key: str) -> None:
    used = {key for text in EXAMPLES.values() for table in objects(parse_yaml(text, "x.yaml").values) for key in table}

    assert f"`{key}`" in README or key in ACCOUNT_KEYS
    assert key in used


def test_the_keys_of_the_format_are_these() -> None:
    assert {"$schema", "version", "timeline", "to", "ignore_case", "before_answer", "sigma", "processed"} <= set(KEYS)


@pytest.mark.parametrize("name", [*Fault, *PushFault, *TlsTrouble])
def test_every_fault_is_named(name: str) -> None:
    assert name in README


@pytest.mark.parametrize("table", [pytest.param(table, id=" ".join(table)[:40]) for table in tables()])
def test_every_key_says_in_the_schema_what_it_is_for(table: Mapping[str, Mapping[str, object]]) -> None:
    assert [key for key, said in table.items() if not str(said.get("description", "")).endswith(".")] == []


def test_the_schema_is_a_good_one_without_a_host() -> None:
    jsonschema_rs.meta.validate(SCHEMA)

    assert (SCHEMA["$schema"], SCHEMA["$id"]) == ("https://json-schema.org/draft/2020-12/schema", SCHEMA_NAME)
    assert "/" not in SCHEMA_NAME
    assert scenario_json_schema() == scenario_json_schema()


def test_an_editor_finds_the_schema_in_the_first_line() -> None:
    line = editor_line("../scenario.schema.json")

    assert line == "# yaml-language-server: $schema=../scenario.schema.json"
    assert parse_scenario(f"{line}\nversion: 1\n").name == "scenario"


@pytest.mark.parametrize(
    "text",
    [
        "rules: []",
        "version: 2",
        "version: 1\nrulse: []",
        "version: 1\nrules: [{ repply: OK }]",
        "version: 1\nrules: [{ reply: Bussy }]",
        "version: 1\nrules: [{ reply: [] }]",
        "version: 1\nrules: [{ match: { too: '852*' } }]",
        "version: 1\nrules: [{ match: { to: abc } }]",
        "version: 1\nrules: [{ match: { not: { any: [{ nth: 0 }] } } }]",
        "version: 1\nrules: [{ match: { content: { ignore_case: true } } }]",
        "version: 1\nrules: [{ report: [{ state: DELIVRED }] }]",
        "version: 1\nrules: [{ report: [{ state: DELIVERED, after: 5 }] }]",
        "version: 1\nrules: [{ report: [{ state: DELIVERED, after: { type: uniform, lower: 1s } }] }]",
        "version: 1\nrules: [{ report: { mix: { DELIVERED: 101 } } }]",
        "version: 1\nfaults: [{ fault: BROKEN }]",
        "version: 1\nfaults: [{ probability: 0.5 }]",
        "version: 1\nfaults: [{ delay: 1s, probability: 1.5 }]",
        "version: 1\ntimeline: [{ scenario: a }]",
        "version: 1\ntls: [expird]",
        "version: 1\naccounts: [{ balance: lots }]",
        "version: 1\naccounts: [{ callback: { urls: x } }]",
        "version: 1\naccounts: [{ switches: { unpriced: never } }]",
        "version: 1\nmagic: no",
        "version: 1\nseed: -1",
    ],
)
def test_a_mistake_fits_neither_the_schema_nor_the_reader(text: str) -> None:
    assert not is_valid(parse_yaml(text, "x.yaml").values)
    with pytest.raises(SettingsError):
        parse_scenario(text)
