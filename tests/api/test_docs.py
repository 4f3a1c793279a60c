"""The page of the API's description, and the files it needs. Reading: R19."""

import hashlib
import re
from pathlib import Path

import pytest

from cloudsms_simulator.api.server import VENDORED_FOLDER

ROWS = re.findall(
    r"^\| `(?P<file>[^`]+)` \|.*\| `(?P<sha256>[0-9a-f]{64})` \|$",
    (VENDORED_FOLDER / "README.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
SCRIPT = "/vendored/rapidoc-9.3.8/rapidoc-min.js"


def test_the_page_may_load_nothing_from_elsewhere(scene) -> None:
    answer = scene.client.get("/api/v1/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(each.strip().partition(" ")[::2] for each in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert SCRIPT in answer.text
    assert 'load-fonts="false"' in answer.text
    assert "//" not in answer.text


def test_the_page_is_not_sent_again_to_who_has_it(scene) -> None:
    tag = scene.client.get("/api/v1/docs").headers["etag"]
    for known in (tag, f'"another", W/{tag}'):
        again = scene.client.get("/api/v1/docs", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert "content-security-policy" in scene.client.get("/api/v1/docs", headers={"if-none-match": '"x"'}).headers


def test_a_vendored_file_may_be_kept_for_ever(scene) -> None:
    answer = scene.client.get(SCRIPT)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = scene.client.get(SCRIPT, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = scene.client.head(SCRIPT)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(answer.content)))


@pytest.mark.parametrize("path", ["README.md", "nothing.js", "rapidoc-9.3.8", "%2e%2e/admin/app.py", "../simulator.py"])
def test_nothing_else_is_served_there(scene, path: str) -> None:
    answer = scene.client.get(f"/vendored/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(("file", "sha256"), ROWS)
def test_a_vendored_file_is_as_its_package_had_it(file: str, sha256: str) -> None:
    assert hashlib.sha256((VENDORED_FOLDER / file).read_bytes()).hexdigest() == sha256


def test_every_vendored_file_has_a_row_and_a_licence() -> None:
    files = {
        str(path.relative_to(VENDORED_FOLDER)) for path in VENDORED_FOLDER.rglob("*") if path.suffix in {".js", ".css"}
    }
    assert files == {file for file, _ in ROWS}
    for file in files:
        assert list((VENDORED_FOLDER / Path(file).parent).glob("LICENSE*")), file


def test_where_there_is_a_token_the_page_needs_it_too_and_what_it_stands_on_does_not(scenes) -> None:
    scene = scenes(token="secret")
    assert scene.client.get(SCRIPT).status_code == 200
    for path in ("/api/v1/docs", "/api/v1/openapi.json"):
        assert scene.client.get(path).status_code == 401
        assert scene.client.get(path, headers={"authorization": "Bearer secret"}).status_code == 200
