"""Who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "simulator" / "cloudsms_simulator"
CLIENT = {path.stem for path in PACKAGE.glob("client*.py")}
ALLOWED = {
    "protocol": {"protocol"},
    "engine": {"engine", "protocol"},
    "stores": {"stores", "engine", "protocol"},
    "server": {"server", "stores", "engine", "protocol"},
    "cli": {"cli", "server", "stores", "engine", "protocol", *CLIENT},
    "pytest_support": {"pytest_support", "server", "stores", "engine", "protocol", *CLIENT},
}
IMPURE = {
    "asyncio", "logging", "os", "pathlib", "random", "secrets", "socket", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "aiohttp", "click", "cryptography", "httpx2", "starlette", "trustme", "uvicorn", "uvloop",
}  # fmt: skip
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


def imported(path: Path) -> set[str]:
    """Every module a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    layer = module.split("/")[0]
    ours = {name.split(".")[1] for name in imported(PACKAGE / module) if name.startswith("cloudsms_simulator.")}
    assert ours <= ALLOWED[layer]


@pytest.mark.parametrize("module", [module for module in MODULES if module.split("/")[0] in {"protocol", "engine"}])
def test_the_middle_is_pure(module: str) -> None:
    roots = {name.split(".")[0] for name in imported(PACKAGE / module)}
    assert not roots & IMPURE


@pytest.mark.parametrize("module", [module for module in MODULES if module.split("/")[0] in {"protocol", "engine"}])
def test_the_middle_never_asks_what_time_it_is(module: str) -> None:
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    asked = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not asked & {"datetime.now", "datetime.utcnow", "date.today", "datetime.today"}


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


def test_an_unknown_public_name_says_so() -> None:
    import cloudsms_simulator

    with pytest.raises(AttributeError, match="has no attribute 'Simulater'"):
        cloudsms_simulator.Simulater  # noqa: B018


def test_the_control_client_imports_no_http_library() -> None:
    code = (
        "import sys, cloudsms_simulator.client; "
        "print(sorted({'aiohttp', 'anyio', 'h11', 'http.client', 'httpcore2', 'httpx2', 'trio'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"


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
    asked = (
        "import sys; from cloudsms_simulator import Simulator; "
        "print('cloudsms_simulator.server.admin.app' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "True"
