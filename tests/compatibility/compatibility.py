"""Runs the tests with what users have where it differs from what we develop with. Each environment is made anew:

- `python3.12` and so on: every other Python that is here, with the libraries of `constraints.txt`;
- `lowest`: the oldest versions of the libraries that `pyproject.toml` allows, those of the extra `postgresql` too;
- `beside`: installed together with old versions of FastAPI, uvicorn and others, where `beside.py` has to pass;
- `pytest-7.4` and `pytest-8`: the plugin under older versions of pytest.

Environments are made by uv in a temporary folder; `beside` and the last two have the wheel of this checkout, the others
the checkout itself. All of them run, whatever fails; exit code 1 when something did. A Python that the package is for
and that is not here is named.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
OWN = sys.version_info[:2]
OLDEST, NEWEST = (3, 11), (3, 15)
"""The Pythons that users have: from the oldest that `pyproject.toml` allows to the newest that is out."""

UNIT = ("protocol", "engine", "models", "config", "stores", "net", "push", "journal", "services", "api")
"""Folders of tests that need no other program than Python, and PostgreSQL, without which its tests are skipped."""
EVERYWHERE = (*UNIT, "plugin", "flow")
WITH_LOWEST = (*EVERYWHERE, "cli")
"""With the commands: click has changed much."""
OF_THE_PLUGIN = ("plugin", "flow/test_send_and_report.py", "flow/test_by_hand.py")

LEFT_OUT = (
    "--ignore=tests/plugin/test_old_pytest.py",
    "--deselect=tests/net/test_certificates.py::"
    "test_the_trust_store_is_what_cryptography_writes_without_encryption_up_to_its_checksum",
    "--deselect=tests/flow/test_api_drift.py::test_the_stream_of_events_has_what_is_described",
)
"""What `make test` runs and no environment: what brings versions of pytest of its own, and what compares with features
of new libraries. Nothing is skipped here."""

PLUGIN_TOOLS = (
    "freezegun",
    "gevent",
    "httpx",
    "hypothesis",
    "pytest",
    "pytest-asyncio",
    "pytest-timeout",
    "pytest-xdist",
    "time-machine",
    "trio",
)
TOOLS = (*PLUGIN_TOOLS, "gsmcodecs", "phonenumbers", "smsutil")
OLD_TOOLS = ("aiohttp==3.9.*", "fastapi==0.115.*", "jsonschema-rs", "schemathesis", "uvicorn==0.34.*")
"""What has to be as old as the oldest libraries, or of some version that goes with them."""
BESIDE = (
    "aiohttp==3.9.*",
    "click==8.1.*",
    "cryptography==43.*",
    "fastapi==0.115.*",
    "msgspec==0.19.*",
    "prometheus-client==0.20.*",
    "starlette==0.41.*",
    "uvicorn==0.34.*",
)
PYTESTS = {"7.4": ("pytest==7.4.*", "pytest-asyncio==0.23.*"), "8": ("pytest==8.*", "pytest-asyncio==1.*")}
"""By version, what is installed; pytest-asyncio goes with some versions of pytest only."""

THE_CHECKOUT = ("--no-deps", "--editable", ROOT)
"""What is installed for tests that compare the package with the files of this checkout."""

INSTALLED_WITHIN = 600
TESTED_WITHIN = 1200
"""Seconds."""


class Environment(msgspec.Struct, frozen=True):
    """Somewhere to run tests. `install` fills the virtual environment in a folder, `test` says whether they passed."""

    name: str
    python: Path
    install: Callable[[Path], None]
    test: Callable[[Path], bool]


def interpreters() -> dict[tuple[int, int], Path]:
    """Every Python from 3.11 on that is here, by its minor version: pyenv's newest, else what is on the PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found: dict[tuple[int, int], tuple[tuple[int, ...], Path]] = {}
    on_path = [folder for folder in map(Path, os.get_exec_path()) if folder.is_dir()]
    for folder in (*sorted(pyenv.glob("*/bin")), *on_path):
        for python in sorted(folder.glob("python3.*")):
            if re.fullmatch(r"python3\.\d+", python.name) and (version := version_of(python)) >= OLDEST:
                minor = version[:2]
                if minor not in found or (version > found[minor][0] and folder not in on_path):
                    found[minor] = version, python
    return {minor: python for minor, (_, python) in sorted(found.items())}


def version_of(python: Path) -> tuple[int, ...]:
    """The three numbers of a release; empty where it is none, or does not run, as a shim of pyenv may not."""
    code = "import sys; print(*sys.version_info[:3] if sys.version_info.releaselevel == 'final' else ())"
    try:
        run = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return ()
    return tuple(map(int, run.stdout.split())) if run.returncode == 0 else ()


def absent(here: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The Pythons that the package is for, and that are not among these."""
    return sorted({(3, minor) for minor in range(OLDEST[1], NEWEST[1] + 1)} - {*here, OWN})


def environments(folder: Path) -> Iterator[Environment]:
    """All that can be made here. `folder` is for what is shared by them, such as the wheel."""
    for (major, minor), python in interpreters().items():
        if (major, minor) != OWN:
            test = partial(run_tests, folder, EVERYWHERE)
            yield Environment(f"python{major}.{minor}", python, install_locked, test)
    own = Path(sys.executable)
    yield Environment("lowest", own, partial(install_lowest, folder), partial(run_tests, folder, WITH_LOWEST))
    yield Environment("beside", own, partial(install_beside, folder), partial(run_beside, folder))
    for version, pytest in PYTESTS.items():
        install = partial(install_pytest, folder, pytest)
        yield Environment(f"pytest-{version}", own, install, partial(run_tests, folder, OF_THE_PLUGIN))


def install_locked(there: Path) -> None:
    """The very libraries that we develop with, and the package."""
    install(there, "--require-hashes", "-r", CONSTRAINTS)
    install(there, *THE_CHECKOUT)


def install_lowest(folder: Path, there: Path) -> None:
    """The oldest libraries, the tools of tests, and the package."""
    oldest = folder / "lowest.txt"
    how = ("--quiet", "--resolution", "lowest-direct", "--no-header", "--no-annotate", "--no-emit-index-url")
    what = ("--extra", "postgresql", ROOT / "pyproject.toml")
    uv("pip", "compile", *how, "--python", sys.executable, "--output-file", oldest, *what)
    libraries = oldest.read_text(encoding="utf-8").split()
    install(there, "-r", oldest, *locked(TOOLS), *OLD_TOOLS)
    install(there, *THE_CHECKOUT)
    say(f"  with {', '.join(libraries)}")


def install_beside(folder: Path, there: Path) -> None:
    """The package, asked for together with its neighbours."""
    install(there, f"{wheel(folder)}[pytest]", *BESIDE)


def install_pytest(folder: Path, pytest: tuple[str, ...], there: Path) -> None:
    """The package, and an older pytest."""
    install(there, wheel(folder), *locked(PLUGIN_TOOLS, but={"pytest", "pytest-asyncio"}), *pytest)


def locked(names: Iterable[str], but: Collection[str] = ()) -> list[str]:
    """Each name but some, with the version that is in `constraints.txt`."""
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE))
    return [f"{name}=={pins[name]}" for name in names if name not in but]


def wheel(folder: Path) -> Path:
    """The package as it is published, built once."""
    if not list(folder.glob("*.whl")):
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT],
            check=True, timeout=INSTALLED_WITHIN, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def install(there: Path, *what: str | Path) -> None:
    """Installs into a virtual environment."""
    uv("pip", "install", "--quiet", "--python", there, *what)


def uv(*args: str | Path) -> None:
    """Runs uv. Raises CalledProcessError when it could not do what it should."""
    subprocess.run([sys.executable, "-m", "uv", *args], check=True, timeout=INSTALLED_WITHIN, cwd=ROOT)


def run_tests(folder: Path, tests: tuple[str, ...], there: Path) -> bool:
    """Whether our own tests pass. Nothing is written into the checkout."""
    workers = str(os.cpu_count() or 1)
    where = [f"tests/{each}" for each in tests]
    return pytest(folder, there, ROOT, "-n", workers, "--dist", "worksteal", *LEFT_OUT, *where)


def run_beside(folder: Path, there: Path) -> bool:
    """Whether `beside.py` passes as a test of somebody else's, outside of this checkout."""
    elsewhere = there / "tests"
    elsewhere.mkdir()
    shutil.copy(HERE / "beside.py", elsewhere / "test_beside.py")
    return pytest(folder, there, elsewhere, "test_beside.py")


def pytest(folder: Path, there: Path, cwd: Path, *args: str) -> bool:
    """Whether pytest passes in a virtual environment."""
    written = {
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
        "PYTHONPYCACHEPREFIX": str(folder / "pycache"),
        "VIRTUAL_ENV": str(there),
    }
    command = [there / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    run = subprocess.run(command, cwd=cwd, env=os.environ | written, timeout=TESTED_WITHIN, check=False)
    return run.returncode == 0


def passes(environment: Environment, folder: Path) -> bool:
    """Whether an environment can be made, and its tests pass there. It is deleted in the end."""
    there = folder / environment.name
    try:
        uv("venv", "--quiet", "--python", environment.python, there)
        environment.install(there)
        return environment.test(there)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        say(str(error))
        return False
    finally:
        shutil.rmtree(there, ignore_errors=True)


def say(line: str) -> None:
    """Prints it at once, between what others print."""
    print(line, flush=True)


def main() -> int:
    """Runs what was asked for, or everything."""
    parser = argparse.ArgumentParser(
        description="Runs the tests with other Pythons, older libraries and older pytests."
    )
    parser.add_argument("names", nargs="*", metavar="ENVIRONMENT", help="as --list names them; all without one")
    parser.add_argument("--list", action="store_true", help="list what can be run here, and end")
    asked = parser.parse_args()
    lacking = [f"python{major}.{minor} is not here: not tested" for major, minor in absent(interpreters())]
    with tempfile.TemporaryDirectory(prefix="compatibility-") as temporary:
        folder = Path(temporary)
        all_of_them = list(environments(folder))
        if unknown := set(asked.names) - {each.name for each in all_of_them}:
            parser.error(f"no environment {', '.join(sorted(unknown))}; --list has those there are")
        chosen = [each for each in all_of_them if not asked.names or each.name in asked.names]
        if asked.list:
            say("\n".join([*(f"{each.name}: {each.python}" for each in chosen), *lacking]))
            return 0
        outcomes: dict[str, bool] = {}
        told = []
        for each in chosen:
            say(f"{each.name}: {each.python}")
            begun = time.monotonic()
            outcomes[each.name] = passes(each, folder)
            told.append(
                f"{each.name}: {'passed' if outcomes[each.name] else 'FAILED'} in {time.monotonic() - begun:.0f} s"
            )
            say(told[-1])
    say("\n".join(["", *told, *lacking]))
    return 0 if all(outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
