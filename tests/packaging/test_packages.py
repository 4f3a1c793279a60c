"""The packages: what the program reads from files beside its modules is in the wheel and in the sdist."""

import tarfile
import zipfile
from pathlib import Path

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "simulator" / "cloudsms_simulator"
FILES = {
    path.relative_to(PACKAGE).as_posix()
    for path in PACKAGE.rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}


def test_the_wheel_has_every_file_of_the_package_its_scenarios_and_readings(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {f"cloudsms_simulator/{file}" for file in FILES} - packed == set()
    assert {"cloudsms_simulator/READINGS.md", "cloudsms_simulator/scenarios/flaky.yaml"} < packed
    assert "cloudsms_simulator/vendored/rapidoc-9.3.8/rapidoc-min.js" in packed
    assert [file for file in packed if "docs/" in file] == []


def test_the_sdist_has_every_file_of_the_package_and_the_reference(tmp_path: Path) -> None:
    (sdist,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"simulator/cloudsms_simulator/{file}" for file in FILES} - packed == set()
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "simulator" / "docs").iterdir()}
    assert len(pages) > 5
    assert pages - packed == set()
