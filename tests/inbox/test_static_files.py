"""Files are kept by browsers under the address of their version, and taken for nothing else."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from cloudsms_simulator.inbox.app import STATIC_FOLDER, CachedStaticFiles, version_of_files


def test_every_file_is_served_with_its_type_and_may_be_kept() -> None:
    client = TestClient(CachedStaticFiles(directory=STATIC_FOLDER))
    types = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for path in sorted(each for each in STATIC_FOLDER.rglob("*") if each.suffix in types):
        answer = client.get(f"/{path.relative_to(STATIC_FOLDER).as_posix()}?v=1")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(types[path.suffix])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]


def test_without_an_edition_it_is_asked_for_again() -> None:
    assert (
        TestClient(CachedStaticFiles(directory=STATIC_FOLDER)).get("/inbox.css").headers["cache-control"] == "no-cache"
    )


@pytest.mark.parametrize("path", ["/none.css", "/../templates.py", "/%2e%2e/templates.py"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    app = Starlette(routes=[Mount("/static", CachedStaticFiles(directory=STATIC_FOLDER))])
    assert TestClient(app).get(f"/static{path}").status_code == 404


def test_another_byte_or_name_is_another_edition(tmp_path: Path) -> None:
    file = tmp_path / "a.js"
    editions = []
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b.js", "2")):
        file = file.rename(tmp_path / name) if file.exists() else tmp_path / name
        file.write_text(text)
        editions.append(version_of_files(tmp_path))
    assert len(set(editions)) == 3
    assert all(len(edition) == 8 for edition in editions)
    assert version_of_files(tmp_path) == editions[-1]
