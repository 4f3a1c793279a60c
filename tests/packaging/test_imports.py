"""Who may import whom, and what importing costs."""

import ast
import importlib.util
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from patience import DEADLINE
from sources import PACKAGE, ROOT, nodes_of

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_CONTRACTS = _PROJECT["tool"]["importlinter"]["contracts"]
LAYERS: list[str] = next(each["layers"] for each in _CONTRACTS if each["type"] == "layers")
"""From the highest to the lowest."""
SCOPE_KEYS = {"cloudsms_simulator.interrupted"}
"""Keys in ASGI scopes that look like the name of a module."""
IMPURE = {
    "asyncio", "logging", "os", "pathlib", "random", "secrets", "socket", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "aiohttp", "click", "cryptography", "httpx2", "starlette", "trustme", "uvicorn", "uvloop",
}  # fmt: skip
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


def imported(path: Path) -> set[str]:
    """Every module a file imports, inside functions too."""
    names = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("module", MODULES)
def test_no_module_touches_another_http_server(module: str) -> None:
    """What goes over the wire is our own code: a server in the users' environment may have any version, or none."""
    assert {name for name in imported(PACKAGE / module) if name.partition(".")[0] in {"uvicorn", "h11"}} == set()


def test_layers_hold_and_no_modules_import_one_another_in_a_circle() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_is_named_in_a_string_is_there_and_below(module: str) -> None:
    """Lazy applications, and what is imported by its name: import-linter does not see them."""
    nodes = nodes_of(PACKAGE / module)
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    logs = {id(argument) for call in calls if ast.unparse(call.func) == "logging.getLogger" for argument in call.args}
    strings = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in logs]
    named = [
        text for text in strings if isinstance(text, str) and re.fullmatch(r"cloudsms_simulator(\.[a-z_]+)+", text)
    ]
    assert [text for text in named if importlib.util.find_spec(text) is None and text not in SCOPE_KEYS] == []
    layer = module.split("/")[0].removesuffix(".py")
    if layer in LAYERS:
        above = LAYERS[: LAYERS.index(layer)]
        assert [text for text in named if text.split(".")[1] in above] == []


@pytest.mark.parametrize("module", [module for module in MODULES if module.split("/")[0] in {"protocol", "engine"}])
def test_the_middle_is_pure(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(PACKAGE / module)}
    assert not roots & IMPURE


@pytest.mark.parametrize("module", [module for module in MODULES if module.split("/")[0] in {"protocol", "engine"}])
def test_the_middle_never_asks_what_time_it_is(module: str) -> None:
    asked = {
        f"{node.value.id}.{node.attr}"
        for node in nodes_of(PACKAGE / module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not asked & {"datetime.now", "datetime.utcnow", "date.today", "datetime.today"}


def test_the_package_imports_what_it_depends_on() -> None:
    files = (path for path in PACKAGE.rglob("*.py"))
    roots = {name.split(".")[0] for path in files for name in imported(path)}
    extra = _PROJECT["project"]["optional-dependencies"]["postgresql"]
    told = (re.match("[a-z0-9-]+", each) for each in (*_PROJECT["project"]["dependencies"], *extra))
    depended_on = {each[0].replace("-", "_").replace("pyyaml", "yaml") for each in told if each is not None}
    # Of jinja2, of pytest, and of whoever checks types.
    beside = {"cloudsms_simulator", "markupsafe", "pytest", "pluggy", "_typeshed"}
    assert roots - sys.stdlib_module_names - beside == depended_on


def test_importing_the_package_imports_nothing_else_of_ours_and_no_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import cloudsms_simulator; "
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "['cloudsms_simulator']"


def test_public_names_are_found_when_they_are_used() -> None:
    import cloudsms_simulator

    assert {name: getattr(cloudsms_simulator, name).__name__ for name in cloudsms_simulator.__all__} == {
        name: name for name in ("Settings", "Simulator")
    }


def test_everything_can_be_imported_without_the_driver_of_a_database() -> None:
    program = """
        import importlib, pkgutil, sys
        sys.modules["asyncpg"] = None
        import cloudsms_simulator
        for each in pkgutil.walk_packages(cloudsms_simulator.__path__, "cloudsms_simulator."):
            if not each.name.endswith("__main__"):
                importlib.import_module(each.name)
        """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert run.returncode == 0, run.stderr


def test_an_unknown_public_name_says_so() -> None:
    import cloudsms_simulator

    with pytest.raises(AttributeError, match="has no attribute 'Simulater'"):
        cloudsms_simulator.Simulater  # noqa: B018


def test_the_control_client_imports_no_http_library() -> None:
    code = (
        "import sys; from cloudsms_simulator.client import Client; "
        "print(sorted({'aiohttp', 'anyio', 'h11', 'http.client', 'httpcore2', 'httpx2', 'trio'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"


def test_the_control_client_loads_of_the_engine_only_money() -> None:
    code = (
        "import sys; from cloudsms_simulator.client import Client, models; "
        "print(sorted(name for name in sys.modules if name.startswith('cloudsms_simulator.engine.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "['cloudsms_simulator.engine.money']"


def test_help_of_the_command_line_loads_no_server() -> None:
    code = (
        "import sys\nfrom cloudsms_simulator.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'uvicorn', 'starlette', 'aiohttp', 'trustme', 'cryptography', 'httpx2', 'msgspec'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.splitlines()[-1] == "heavy: []"


def test_who_embeds_a_simulator_has_its_admin_api_before_a_test_can_freeze_the_time() -> None:
    asked = "import sys; from cloudsms_simulator import Simulator; print('cloudsms_simulator.api.app' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "True"


LATE = {
    "anyio", "ctypes", "difflib", "fractions", "http.client", "http.cookies", "httpx2", "jinja2", "multiprocessing",
    "prometheus_client", "python_multipart", "shlex", "starlette.requests", "starlette.responses", "tomllib", "yaml",
    "cloudsms_simulator.api", "cloudsms_simulator.config.rule_schema", "cloudsms_simulator.engine.diagnosis",
    "cloudsms_simulator.engine.explanation", "cloudsms_simulator.inbox", "cloudsms_simulator.journal.search",
    "cloudsms_simulator.journal.views", "cloudsms_simulator.protocol.correction",
    "cloudsms_simulator.services.explainer", "cloudsms_simulator.services.info",
    "cloudsms_simulator.services.snapshot",
}  # fmt: skip
"""What `serve` imports when something first needs it."""

_STARTED_AND_ASKED = """
import asyncio, ssl, sys
import cloudsms_simulator.cli.serve
from cloudsms_simulator.config.schema import docstrings
from cloudsms_simulator.config.settings import load_settings
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.protocol.customer import SendRequest, encode_request
from cloudsms_simulator.protocol.packet import Destination
from cloudsms_simulator.protocol.timestamps import wire_time
from cloudsms_simulator.simulator import Simulator

async def story():
    said = {"port": "0", "admin_port": "0", "mtls": "required"} | dict(each.split("=", 1) for each in sys.argv[1:])
    loaded = load_settings(said, {})
    simulator = Simulator(loaded.settings, loaded.scenario, loaded.fixed)
    await simulator.start()
    ready = simulator.ready
    context = ssl.create_default_context(cafile=ready.ca)
    context.load_cert_chain(ready.client_cert, ready.client_key)
    reader, writer = await asyncio.open_connection("localhost", simulator.listener.port, ssl=context)
    body = encode_request(SendRequest(
        serial=1, time=wire_time(simulator.wall.now()), auth_key=ready.auth_key, route_id=ready.route_id,
        multi_msisdn_list=(Destination(852, "67000011"),), sms_content="Your code is 1234",
    ))
    head = "POST /dave/io HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n"
    writer.write((head % len(body)).encode() + body)
    answer = await reader.read()
    assert b'"RESULT_CODE":1,' in answer, answer
    writer.close()
    await simulator.stop()

with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(story())
print(docstrings.cache_info().currsize, *sys.modules)
"""


def _started_and_asked(*settings: str) -> tuple[int, set[str]]:
    """How many Structs had their docstrings read by a start and its first answer, and the modules that were there."""
    command = [sys.executable, "-c", _STARTED_AND_ASKED, *settings]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    docstrings_read, *modules = run.stdout.split()
    return int(docstrings_read), set(modules)


def test_a_start_and_its_first_answer_import_and_read_only_what_they_need() -> None:
    docstrings_read, modules = _started_and_asked()
    assert (docstrings_read, LATE & modules) == (0, set())


def test_a_start_that_takes_up_the_accounts_of_a_store_imports_and_reads_little_more(tmp_path) -> None:
    store = f"store=sqlite:{tmp_path}/kept.db"
    _started_and_asked(store)
    docstrings_read, modules = _started_and_asked(store)
    configurations = {"cloudsms_simulator.config.rule_schema", "cloudsms_simulator.services.snapshot"}
    assert (docstrings_read, LATE & modules) == (0, configurations)
