"""The documents say what the program does: nothing it has is missing there, and their snippets run."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from documents import PAGES, README, REFERENCE, ROOT, headings, page, rows, section, snippets

from cloudsms_simulator.cli import COMMANDS
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.settings import Settings, load_settings
from cloudsms_simulator.engine.records import ExchangeKind, Outcome
from cloudsms_simulator.journal.search import parse_search
from cloudsms_simulator.journal.search_fields import ALIASES, COMPARABLE, SEARCH_FIELDS
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import RESULT_CODES, STATES, hex_code
from cloudsms_simulator.protocol.findings import FINDING_RULES
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile
from cloudsms_simulator.protocol.timestamps import HONG_KONG

READINGS = (ROOT / "simulator" / "READINGS.md").read_text(encoding="utf-8")
PIECES = {"/window", "/compose/draft", "/compose/sent", "/control/live"}
"""Parts of pages that have an address of their own."""
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(path for name in ("certs", "scenarios", "simulator", "tests") for path in (ROOT / name).rglob("*.md")),
]
MOST_LINES_OF_A_FRONT_PAGE = 200
INDEX = "README"


def test_the_readme_is_a_front_page() -> None:
    assert len(README.splitlines()) <= MOST_LINES_OF_A_FRONT_PAGE


def test_the_index_of_the_reference_names_every_page_once() -> None:
    named = re.findall(r"^\| \[[^]]+\]\(([a-z-]+)\.md\) \|", page(INDEX), re.MULTILINE)
    assert sorted(named) == sorted(path.stem for path in PAGES if path.stem != INDEX)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_links_of_a_document_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)", text)
    for target, anchor in links:
        leads_to = path.parent / target if target else path
        leads_to = leads_to / "README.md" if leads_to.is_dir() and anchor else leads_to
        assert leads_to.exists(), target
        assert not anchor or anchor in headings(leads_to.read_text(encoding="utf-8")), (target, anchor)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_documents_have_every_command(command: str) -> None:
    assert any(row[0] == f"`{command}`" for row in rows(REFERENCE))


@pytest.mark.parametrize("setting", [field.name for field in msgspec.structs.fields(Settings)])
def test_the_documents_have_every_setting(setting: str) -> None:
    assert any(f"`{setting}`" in row[0] for row in rows(REFERENCE))


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(AccountSettings)])
def test_the_documents_have_every_setting_of_an_account(field: str) -> None:
    assert any(f"`{field}`" in row[0] for row in rows(REFERENCE))


def test_the_documents_have_every_endpoint_of_the_admin_port() -> None:
    source = (ROOT / "simulator" / "cloudsms_simulator" / "api" / "routes.py").read_text(encoding="utf-8")
    routes = [re.sub(r":[a-z]+}", "}", path) for path in re.findall(r'Operation\("([^"]+)"', source)]
    assert len(routes) >= 50
    assert [route for route in routes if f"`{route}`" not in REFERENCE] == []


def test_the_page_about_searches_has_every_field_as_it_is() -> None:
    listed = [row for row in rows(section(page("search"), "Fields")) if len(row) == 4 and row[0].startswith("`")]
    also = {name: [each for each, field in ALIASES.items() if field == name] for name in SEARCH_FIELDS}
    assert [row[:3] for row in listed] == [
        [f"`{name}`", ", ".join(f"`{each}`" for each in also[name]), ", ".join(field.kinds)]
        for name, field in SEARCH_FIELDS.items()
    ]
    for name, _, _, value in listed:
        field = SEARCH_FIELDS[name.strip("`")]
        assert ("none`" in value) == field.optional, name
        assert value.startswith("number:") == (name.strip("`") in COMPARABLE), name


def test_the_searches_of_the_page_about_them_can_be_read() -> None:
    text = page("search")
    (example,) = snippets(text, "text")
    shorter = re.findall(r"`((?:is|segments|otp):?>?[a-z0-9*]+)`", text)
    assert len(shorter) >= 5
    for search in (example.strip(), *shorter):
        assert parse_search(search, datetime(2026, 11, 22, tzinfo=HONG_KONG), "messages").terms, search


def test_the_page_about_searches_has_every_kind_and_outcome() -> None:
    text = page("search")
    assert [word for word in (*get_args(ExchangeKind), *get_args(Outcome)) if f"`{word}`" not in text] == []


def test_the_page_about_the_inbox_has_every_page_and_no_other() -> None:
    source = (ROOT / "simulator" / "cloudsms_simulator" / "inbox" / "app.py").read_text(encoding="utf-8")
    pages = set(re.findall(r'\bpage\("(/[^"]*)"', source)) - PIECES
    assert {row[0].strip("`") for row in rows(page("inbox"))[2:]} == pages


def test_the_picture_of_the_readme_is_there_and_small() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert 5_000 < (ROOT / picture).stat().st_size < 60_000


def test_the_page_about_dependencies_says_why_of_each() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'^    "([A-Za-z0-9-]+)>=', pyproject, re.MULTILINE)
    listed = page("dependencies")
    assert len(named) > 20
    assert [name for name in named if name.removesuffix("-bin").removeprefix("pytest-") not in listed] == []


def test_the_readings_list_every_rule_of_a_finding_and_no_other() -> None:
    listed = [row for row in rows(READINGS) if len(row) == 4 and row[1] in {"error", "warning", "suspicion", "note"}]
    assert listed == [[f"`{rule.id}`", rule.severity, rule.summary, rule.heading] for rule in FINDING_RULES.values()]


@pytest.mark.parametrize("switch", [field.name for field in msgspec.structs.fields(Profile) if field.name != "name"])
def test_the_readings_have_every_switch(switch: str) -> None:
    (row,) = [row for row in rows(READINGS[: READINGS.index("**R2")]) if row[0] == f"`{switch}`"]
    assert (row[2] == row[3]) == (getattr(SPEC, switch) == getattr(OBSERVED, switch))


@pytest.mark.parametrize("row", RESULT_CODES, ids=lambda row: row.desc)
def test_the_readings_say_how_to_get_every_result_code(row: object) -> None:
    code, desc = row.code, row.desc  # type: ignore[attr-defined]
    assert any(cells[:2] == [hex_code(code), desc] for cells in rows(READINGS))


@pytest.mark.parametrize("row", STATES, ids=lambda row: row.state.name)
def test_the_readings_have_every_state(row: object) -> None:
    state = row.state  # type: ignore[attr-defined]
    assert any(cells[:2] == [str(int(state)), state.name] for cells in rows(READINGS))


def test_every_reading_the_code_quotes_exists() -> None:
    existing = set(re.findall(r"\*\*(R\d+) ", READINGS)) | set(re.findall(r"\*\*(R\d+)\*\*", READINGS))
    quoted = set()
    for path in (ROOT / "simulator").rglob("*.py"):
        for line in re.findall(r"Reading: ([R0-9, ]+)\.", path.read_text(encoding="utf-8")):
            quoted |= {reading.strip() for reading in line.split(",")}
    assert quoted
    assert sorted(quoted - existing) == []


def test_the_configuration_of_the_page_about_settings_is_good(tmp_path: Path) -> None:
    (toml,) = snippets(page("settings"), "toml")
    file = tmp_path / "cloudsms.toml"
    file.write_text(toml, encoding="utf-8")
    settings = load_settings({"config": str(file)}, {}).settings
    assert settings.profile == "observed"
    assert [account.name for account in settings.server_accounts()] == ["default", "shop"]


def test_the_program_of_the_readme_sends_a_message(tmp_path: Path) -> None:
    (program,) = [snippet for snippet in snippets(README, "python") if "ready.json" in snippet]
    program = program.replace('"ready.json"', repr(str(tmp_path / "ready.json")))
    runner = (
        "import asyncio, subprocess, sys\nfrom pathlib import Path\n"
        "from cloudsms_simulator import Settings, Simulator\n"
        "from cloudsms_simulator.services.ready_file import write_ready_file\n"
        "async def main():\n"
        "    simulator = Simulator(Settings(port=0, admin_port=0))\n"
        "    await simulator.start()\n"
        "    write_ready_file(Path(sys.argv[1]), simulator.ready)\n"
        "    client = await asyncio.create_subprocess_exec(sys.executable, '-c', sys.argv[2])\n"
        "    code = await asyncio.wait_for(client.wait(), 200)\n"
        "    account = simulator.directory.named('default')\n"
        "    print([message.sending.text for message in simulator.store.messages(account)])\n"
        "    await simulator.stop()\n"
        "    sys.exit(code)\n"
        "asyncio.run(main())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", runner, str(tmp_path / "ready.json"), program],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout.strip()) == (0, "['Your verification code is 123345']"), run.stderr


def test_the_account_of_the_readme_is_the_one_there_is() -> None:
    account = Settings().server_accounts()[0]
    assert f"`{account.auth_key}`" in README
    assert all(f"`{route}`" in README for route in account.routes)
    assert len(account.auth_key) == 88
    assert json.dumps(account.auth_key) == f'"{account.auth_key}"'
