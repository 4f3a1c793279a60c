"""No private key is tracked or shipped, and what ships is what should."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40,}-----END")
"""A whole key: code and documents may well name the header."""
LOOK = """
import asyncio, re, sys, httpx2
import cloudsms_simulator
from cloudsms_simulator import Settings, Simulator

async def main():
    assert cloudsms_simulator.__file__.startswith(sys.argv[1]), cloudsms_simulator.__file__
    simulator = Simulator(Settings(port=0, admin_port=0))
    await simulator.start()
    files = set()
    async with httpx2.AsyncClient(base_url=simulator.ready.admin_url) as client:
        for path in ("/", "/overview"):
            page = await client.get(path)
            print(path, page.status_code)
            files |= set(re.findall(r'(?:src|href)="(/(?:static|vendored)/[^"#]*)', page.text))
        for file in files:
            assert (await client.get(file)).status_code == 200, file
    assert len(files) >= 6, files
    await simulator.stop()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of a freshly built sdist and wheel, with the folder of a careless user's keys in the way."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True, timeout=110,
    )  # fmt: skip
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(sdist) as archive:
        source = {
            member.name.split("/", 1)[1]: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive.getmembers()
            if member.isfile()
        }
    with zipfile.ZipFile(wheel) as archive:
        return source, {name: archive.read(name) for name in archive.namelist()}


def test_no_tracked_file_holds_a_key_or_a_certificate() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("needs git and a checkout: the sdist has no history")
    tracked = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    holding = [path for path in tracked if path.is_file() and KEY.search(path.read_bytes())]
    assert holding == []
    assert [path.name for path in tracked if path.suffix in {".pem", ".key", ".p12", ".pfx", ".crt"}] == []


def test_neither_sdist_nor_wheel_holds_a_key(distributions: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    for files in distributions:
        assert [name for name, data in files.items() if KEY.search(data)] == []
        assert [name for name in files if name.endswith((".pem", ".key", ".p12"))] == []


def test_the_wheel_has_the_package_the_scenarios_and_nothing_else(
    distributions: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    _, wheel = distributions
    roots = {name.split("/")[0] for name in wheel}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"cloudsms_simulator"}
    assert "cloudsms_simulator/py.typed" in wheel
    assert "cloudsms_simulator/scenarios/README.md" in wheel
    assert wheel["cloudsms_simulator/READINGS.md"] == (ROOT / "simulator" / "READINGS.md").read_bytes()
    modules = {path.relative_to(ROOT / "simulator").as_posix() for path in (ROOT / "simulator").rglob("*.py")}
    assert modules == {name for name in wheel if name.endswith(".py")}


def test_both_have_the_pages_and_what_they_are_made_of(
    distributions: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    source, wheel = distributions
    simulator = ROOT / "simulator"
    folders = [simulator / "cloudsms_simulator" / name for name in ("inbox", "vendored")]
    files = [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.suffix for path in files} >= {".html", ".css", ".js", ".svg", ".toml", ".md"}
    assert sum(path.name == "LICENSE" for path in files) >= 2
    for path in files:
        name = path.relative_to(simulator).as_posix()
        assert wheel[name] == source[f"simulator/{name}"] == path.read_bytes()
    assert "simulator/inbox.webp" in source


def test_the_pages_work_from_an_installed_wheel(
    distributions: tuple[dict[str, bytes], dict[str, bytes]], tmp_path: Path
) -> None:
    _, wheel = distributions
    for name, data in wheel.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    command = [sys.executable, "-c", LOOK, str(tmp_path)]
    found = os.environ | {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run(command, cwd=tmp_path, env=found, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout.splitlines()) == (0, ["/ 200", "/overview 200"]), run.stderr


def test_the_sdist_has_what_it_takes_to_build_and_test(
    distributions: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    source, _ = distributions
    wanted = {"pyproject.toml", "constraints.txt", "Makefile", "Dockerfile", "README.md", "CHANGELOG.md"}
    assert wanted <= source.keys()
    assert "certs/README.md" in source
    assert "tests/packaging/test_secrets.py" in source
