"""`scenario`: listing, showing, writing, checking and using scenarios."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.scenario import scenario_template
from cloudsms_simulator.config.scenario_file import load_scenario, parse_scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.config.scenario_schema import SCHEMA_NAME, editor_line, scenario_json_schema

WRONG = "version: 1\nrulse: []\nrules: [{ reply: Bussy }]\n"
WARNED = "version: 1\nrules: [{ reply: Busy }, { id: late, reply: OK }]\n"
EVERYTHING = """\
version: 1
name: everything
about: all there is to tell
seed: 42
profile: observed
magic: off
tls: [expired, cut_handshake]
states: [open, closed]
accounts: [{ name: default, balance: 10, prices: { "852": "0.05" } }, { name: shop, auth_key: key }]
rules:
  - { id: first, match: { state: open }, reply: [{ code: Busy, times: 2 }, OK], then: closed }
  - { id: late, match: { to: "1*" }, scope: packet, reply: [{ code: Intercept, delay: 2s }] }
  - { match: { to: "2*" }, report: [{ state: DELIVERED, after: 3s }] }
  - { id: plain }
faults:
  - { id: once, match: { nth: 5 }, fault: HTTP_500, times: 1 }
  - { id: slow, probability: 0.05, delay: 1s }
defaults: { report: { mix: { DELIVERED: 90, EXPIRED: 10 } } }
timeline: [{ at: 10m, scenario: blackout }]
"""

USED = b'{"playing":null,"seed":42,"warnings":[],"tls":[]}'


class Api:
    """Answers every request the same, and keeps the target and body of each."""

    def __init__(self, status: int, body: bytes) -> None:
        self.asked: list[tuple[str, object]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                api.asked.append((self.path, json.loads(sent)))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def api() -> Iterator[Callable[..., Api]]:
    """Starts an API that answers with a body, and a status."""
    begun: list[Api] = []

    def start(body: bytes = USED, status: int = 200) -> Api:
        begun.append(Api(status, body))
        return begun[-1]

    yield start
    for each in begun:
        each.server.shutdown()
        each.server.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and nothing in the environment that says where a server is."""
    for name in ("ADMIN_URL", "ADMIN_HOST", "ADMIN_PORT", "ADMIN_TOKEN", "READY_FILE"):
        monkeypatch.delenv(f"CLOUDSMS_SIM_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["scenario", *args])


def test_ls_has_every_bundled_scenario_with_its_line() -> None:
    result = run("ls")
    listed = [line.split(maxsplit=1) for line in result.output.splitlines()]
    assert (result.exit_code, listed) == (
        0,
        [[path.stem, load_scenario(path).about] for path in bundled_scenarios()],
    )


def test_ls_in_json_says_where_they_are() -> None:
    items = json.loads(run("ls", "--json").output)["items"]
    assert [(item["name"], item["file"]) for item in items] == [(path.stem, str(path)) for path in bundled_scenarios()]
    assert all(item["about"] for item in items)


@pytest.mark.parametrize("said", ["flaky", "own.yaml"])
def test_show_prints_the_text_as_it_is(folder: Path, said: str) -> None:
    (folder / "own.yaml").write_text(WRONG)
    path = next((path for path in bundled_scenarios() if path.stem == said), Path(said))

    assert run("show", said).output == path.read_text()
    assert json.loads(run("show", said, "--json").output) == {"file": str(path), "text": path.read_text()}


def test_a_summary_says_what_is_in_it(folder: Path) -> None:
    (folder / "all.yaml").write_text(EVERYTHING)
    blackout = next(path for path in bundled_scenarios() if path.stem == "blackout")

    assert run("show", "all.yaml", "--summary").output.splitlines() == [
        "everything",
        "  about     all there is to tell",
        "  files     all.yaml",
        f"            {blackout}",
        "  seed      42",
        "  profile   observed",
        "  accounts  default: balance, prices",
        "            shop: auth_key",
        "  rules     first: Busy 2x, then OK, then closed",
        '            late: Intercept after "2s", for the whole packet',
        '            rule 3: report [{ state: "DELIVERED", after: "3s" }]',
        "            plain: OK",
        "  faults    once: HTTP_500 1x",
        '            slow: the answer after "1s"',
        '  defaults  { mix: { DELIVERED: 90, EXPIRED: 10 }, delay: "1s" }',
        "  timeline  at 10m: blackout",
        "  states    open, closed",
        "  magic     off",
        "  tls       expired, cut_handshake",
    ]


def test_a_summary_leaves_out_what_is_not_said(folder: Path) -> None:
    (folder / "none.yaml").write_text("version: 1\ntimeline: [{ messages: 500, scenario: delivered }]\n")
    lines = run("show", "./none.yaml", "--summary").output.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("    ")] == ["none", "files", "timeline"]
    assert "  timeline  after 500 messages: delivered" in lines


def test_a_summary_in_json_has_every_key() -> None:
    found = json.loads(run("show", "congested", "--summary", "--json").output)
    assert (found["name"], found["seed"], found["magic"], found["faults"]) == ("congested", None, True, [])


def test_new_writes_a_good_file_and_its_schema(folder: Path) -> None:
    result = run("new")

    assert result.exit_code == 0
    assert (folder / "scenario.yaml").read_text().splitlines()[0] == editor_line()
    assert (folder / SCHEMA_NAME).read_bytes() == scenario_json_schema()
    scenario = load_scenario(folder / "scenario.yaml")
    assert (scenario.name, scenario.warnings, len(scenario.book.rules)) == ("scenario", (), 2)
    assert run("validate", "scenario.yaml").output == "scenario.yaml: good\n"


def test_what_a_new_file_holds_as_comments_is_good_too() -> None:
    text = re.sub(r"^# (?=\w+:|  )", "", scenario_template(), flags=re.MULTILINE)
    text = text.replace("yaml-language-server:", "# yaml-language-server:")
    scenario = parse_scenario(text)
    assert (scenario.warnings, scenario.book.magic, len(scenario.book.faults)) == ((), False, 2)
    assert (len(scenario.accounts), len(scenario.book.timeline)) == (1, 2)


def test_new_writes_a_file_of_any_name_and_says_so_in_json(folder: Path) -> None:
    (folder / "inner").mkdir()
    assert json.loads(run("new", "inner/busy.yml", "--json").output) == {
        "file": "inner/busy.yml",
        "schema": f"inner/{SCHEMA_NAME}",
    }
    assert run("new", "inner/other.yaml").exit_code == 0


def test_new_never_overwrites_without_being_forced(folder: Path) -> None:
    (folder / "scenario.yaml").write_text(WRONG)
    result = run("new")
    assert (result.exit_code, result.stderr) == (2, "Error: scenario.yaml is there already; --force writes over it\n")
    assert (folder / "scenario.yaml").read_text() == WRONG
    assert not (folder / SCHEMA_NAME).exists()

    assert run("new", "--force").exit_code == 0
    assert (folder / "scenario.yaml").read_text() == scenario_template()


def test_new_leaves_a_schema_that_is_not_ours_alone(folder: Path) -> None:
    (folder / SCHEMA_NAME).write_text("{}")
    result = run("new")
    assert (result.exit_code, "is no schema of ours" in result.stderr) == (2, True)
    assert not (folder / "scenario.yaml").exists()


def test_new_renews_a_schema_of_ours(folder: Path) -> None:
    (folder / SCHEMA_NAME).write_bytes(scenario_json_schema().replace(b"1", b"0"))
    assert run("new").exit_code == 0
    assert (folder / SCHEMA_NAME).read_bytes() == scenario_json_schema()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("busy", "such as busy.yaml"),
        ("busy.json", "ends in .yaml"),
        ("no/such.yaml", "no/such.yaml: cannot be written"),
    ],
)
def test_new_says_why_it_cannot_write(said: str, problem: str) -> None:
    result = run("new", said)
    assert (result.exit_code, problem in result.stderr) == (2, True)


def test_validate_lists_every_mistake_of_every_file_with_its_place(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "twice.yaml").write_text(WARNED)
    (folder / "main.yaml").write_text("version: 1\ninclude: ./wrong.yaml\n")

    result = run("validate", "flaky", "twice.yaml", "wrong.yaml", "main.yaml")

    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[:3] == [
        "flaky: good",
        'twice.yaml:2:26: rules[1]: "late" is never reached: "rule 1" before it is for everything (a warning)',
        "twice.yaml: good",
    ]
    assert [line.split(": ")[0] for line in lines[3:]] == ["wrong.yaml:2:1", "wrong.yaml:3:18"] * 2
    assert lines[3] == 'wrong.yaml:2:1: unknown key "rulse"; did you mean "rules"?'


def test_validate_warns_of_an_expression_that_may_take_very_long(folder: Path) -> None:
    (folder / "slow.yaml").write_text("version: 1\nrules: [{ match: { content: { regex: '(a+)+$' } } }]\n")

    result = run("validate", "slow.yaml")

    warning, good = result.output.splitlines()
    assert (result.exit_code, good) == (0, "slow.yaml: good")
    assert warning.startswith('slow.yaml:2:38: rules[0].match.content.regex: "(a+)+" may take very long on a text')
    assert warning.endswith("(a warning)")


def test_validate_ends_2_when_a_file_is_not_there(folder: Path) -> None:
    (folder / "good.yaml").write_text(WARNED)
    result = run("validate", "good.yaml", "goood.yaml")
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == 'there is no file goood.yaml; did you mean "good.yaml"?'


def test_validate_in_json(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "oddly named").write_text(WARNED)
    result = run("validate", "--json", "wrong.yaml", "oddly named", "nix.yaml")
    items = json.loads(result.output)["items"]
    assert result.exit_code == 2
    assert [(item["file"], len(item["problems"]), len(item["warnings"]), item["found"]) for item in items] == [
        ("wrong.yaml", 2, 0, True),
        ("oddly named", 0, 1, True),
        ("nix.yaml", 1, 0, False),
    ]


def test_schema_is_printed() -> None:
    assert run("schema").output == scenario_json_schema().decode()


def test_use_names_a_bundled_scenario(api) -> None:
    there = api()
    result = run("use", "flaky", "--account", "the shop", "--admin-url", there.url)
    assert (result.exit_code, result.output) == (0, "the shop plays flaky, with the seed 42\n")
    assert there.asked == [("/api/v1/scenarios/use?account=the+shop", {"name": "flaky"})]


def test_use_tells_where_listeners_in_trouble_are(api) -> None:
    there = api(b'{"playing":null,"seed":1,"tls":[{"trouble":"expired","url":"https://127.0.0.1:5/dave/io"}]}')
    result = run("use", "tls-trouble", "--admin-url", there.url)
    assert result.output.splitlines()[1:] == ["https://127.0.0.1:5/dave/io  (expired)"]


def test_use_sends_the_text_of_a_file(api, folder: Path) -> None:
    (folder / "own.yaml").write_text(EVERYTHING)
    there = api()
    result = run("use", "own.yaml", "--json", "--admin-url", there.url)
    assert (result.exit_code, result.output) == (0, f"{USED.decode()}\n")
    assert there.asked == [("/api/v1/scenarios/use?account=default", {"text": EVERYTHING})]


def test_use_does_not_send_what_leads_to_files_of_ones_own(api, folder: Path) -> None:
    (folder / "own.yaml").write_text("version: 1\ninclude: [delivered, ./more.yaml]\n")
    (folder / "more.yaml").write_text("version: 1\n")
    there = api()
    result = run("use", "own.yaml", "--admin-url", there.url)
    assert (result.exit_code, there.asked) == (2, [])
    assert result.stderr.startswith("Error: own.yaml leads to more.yaml, which the server cannot see; ")


def test_use_does_not_send_what_names_files_for_an_account(api, folder: Path) -> None:
    (folder / "ca.pem").touch()
    (folder / "own.yaml").write_text(
        'version: 1\naccounts:\n  - { name: default, callback: { url: "http://x/", ca: ca.pem } }\n'
    )
    there = api()
    result = run("use", "own.yaml", "--admin-url", there.url)
    assert (result.exit_code, there.asked) == (2, [])
    assert result.stderr.startswith("Error: own.yaml:3:56: accounts[0].callback.ca: got a file, want it in")


def test_use_lists_mistakes_without_asking_the_server(api, folder: Path) -> None:
    (folder / "wrong.yaml").write_text(WRONG)
    there = api()
    result = run("use", "wrong.yaml", "--admin-url", there.url)
    assert (result.exit_code, there.asked) == (2, [])
    assert result.stderr.startswith("Error: 2 things are wrong:\n  wrong.yaml:2:1: unknown key")


@pytest.mark.parametrize(("status", "code"), [(400, 2), (404, 2), (503, 1)])
def test_what_the_server_refuses_is_told_in_its_words(api, status: int, code: int) -> None:
    result = run(
        "use",
        "flaky",
        "--admin-url",
        api(b'{"title":"x","status":404,"detail":"there is no such account"}', status).url,
    )
    assert (result.exit_code, result.stderr) == (code, "Error: there is no such account\n")


def test_nobody_there_ends_3() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert run("use", "flaky", "--admin-port", str(sock.getsockname()[1])).exit_code == 3


@pytest.mark.parametrize(
    "args",
    [
        ["play"],
        ["show"],
        ["show", "flakey"],
        ["show", "no.yaml"],
        ["use"],
        ["use", "flakey"],
        ["validate"],
        ["ls", "x"],
    ],
)
def test_wrong_usage_ends_2(args: list[str]) -> None:
    result = run(*args)
    assert (result.exit_code, "Traceback" in result.output) == (2, False)


def test_a_name_that_is_nearly_one_is_suggested() -> None:
    assert 'did you mean "flaky"?' in run("show", "flakey").stderr


def test_a_file_that_is_no_text_is_told(folder: Path) -> None:
    (folder / "own.yaml").write_bytes(b"\xff")
    assert run("show", "own.yaml").stderr == "Error: own.yaml: cannot be read: is not UTF-8\n"


def test_names_are_completed() -> None:
    environment = {
        "_CLOUDSMS_SIMULATOR_COMPLETE": "bash_complete",
        "COMP_WORDS": "cloudsms-simulator scenario show fl",
        "COMP_CWORD": "3",
    }
    result = CliRunner().invoke(main, [], env=environment, prog_name="cloudsms-simulator")
    assert result.output == "plain,flaky\n"
