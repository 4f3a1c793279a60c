"""`cloudsms-simulator certs`: what it prints, and every snippet run against a platform that requires a certificate."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import click
import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.certs import PLATFORM_URL, SNIPPETS, Snippet, SnippetLanguage, certs, file_rows
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.net.tls import platform_context, tls_facts

README = Path(__file__).parents[2] / "certs" / "README.md"
AS_DOCUMENTED = CertificateFiles.within(Path("certs"))
LANGUAGES = get_args(SnippetLanguage)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder a command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["certs", *arguments])


def snippet(language: str) -> Snippet:
    return next(each for each in SNIPPETS if each.language == language)


def test_the_complete_set_is_made_in_certs_unless_another_folder_is_named(folder: Path) -> None:
    assert run().exit_code == 0
    assert run("other").exit_code == 0
    for name in ("certs", "other"):
        files = CertificateFiles.within(folder / name)
        assert all(Path(row.path).is_file() for row in file_rows(files))


def test_every_file_is_told_with_its_mode_and_whether_it_is_new() -> None:
    first, second = run("my").output, run("my").output
    assert "my/ca.pem            0644  the authority: what both sides trust  (new)\n" in first
    assert "my/customer-key.pem  0600  its key  (new)\n" in first
    assert "The password of every .p12 is cloudsms.\n" in first
    assert second == first.replace("  (new)", "")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_the_modes_told_are_the_modes_of_the_files(folder: Path) -> None:
    run()
    for row in file_rows(AS_DOCUMENTED):
        assert Path(row.path).stat().st_mode & 0o777 == (0o600 if row.private else 0o644)


def test_every_snippet_is_printed_with_the_paths_of_the_folder_named() -> None:
    output = run("my").output
    for each in SNIPPETS:
        assert f"\n--- {each.title}\n{each.text(CertificateFiles.within(Path('my')))}" in output


@pytest.mark.parametrize("language", LANGUAGES)
def test_for_a_language_its_snippet_is_printed_and_nothing_else(language: str) -> None:
    assert run("--for", language).output == snippet(language).text(AS_DOCUMENTED)


def test_json_is_one_object_with_everything() -> None:
    found = json.loads(run("my", "--json").stdout_bytes)
    assert found["directory"] == "my"
    assert found["password"] == "cloudsms"
    assert [Path(row["path"]).name for row in found["files"]] == sorted(found["made"], key=_place)
    assert found["files"][1] == {
        "path": "my/ca-key.pem",
        "purpose": "its key, so that a later run can issue more",
        "private": True,
    }
    assert list(found["snippets"]) == list(LANGUAGES)


def _place(name: str) -> int:
    return [Path(row.path).name for row in file_rows(AS_DOCUMENTED)].index(name)


def test_json_for_a_language_has_its_snippet_only() -> None:
    found = json.loads(run("--json", "--for", "go").stdout_bytes)
    assert found["snippets"] == {"go": snippet("go").text(AS_DOCUMENTED)}


def test_one_more_host_renews_the_certificates() -> None:
    run()
    renewed = json.loads(run("--host", "sms.test", "--host", "10.0.0.7", "--json").stdout_bytes)["made"]
    assert "platform.pem" in renewed
    assert "ca.pem" not in renewed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--host", "bad host"), "'bad host' is neither a host name nor an IP address"),
        (("taken",), "Error: taken: is no folder; name a folder that this user can write"),
        (("--for", "cobol"), "'cobol' is not one of 'curl', 'python', 'node', 'java', 'php', 'go', 'ruby'"),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(arguments: tuple[str, ...], message: str, folder: Path) -> None:
    (folder / "taken").write_bytes(b"")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_the_command_offers_every_language_that_has_a_snippet() -> None:
    choices = next(option.type for option in certs.params if option.name == "language")
    assert isinstance(choices, click.Choice)
    assert tuple(choices.choices) == LANGUAGES == tuple(each.language for each in SNIPPETS)


def test_the_readme_repeats_every_snippet_word_for_word() -> None:
    written = re.findall(r"^### ([^\n]+)\n```(\w+)\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert written == [(each.title, each.fence, each.text(AS_DOCUMENTED)) for each in SNIPPETS]


def test_the_readme_has_every_file_with_its_mode_and_purpose() -> None:
    table = "".join(
        f"| `{Path(row.path).name}` | {'0600' if row.private else '0644'} | {row.purpose} |\n"
        for row in file_rows(AS_DOCUMENTED)
    )
    assert table in README.read_text("utf-8")


class Answer(BaseHTTPRequestHandler):
    """Answers with who asked for what."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        peer = tls_facts(self.connection).peer
        name = peer.subject.split(",")[0] if peer is not None else "nobody"
        answer = f"{name} sent {body} to {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the test's output is the client's."""


# A folder that needs quoting in every language.
AWKWARD = Path("it's $HOME #{1}")


@pytest.fixture
def platform(folder: Path) -> Iterator[str]:
    """The URL of a platform that requires a certificate of the set in the folder with the awkward name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    context = platform_context(complete_set(AWKWARD), "required")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/dave/io"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("language", "program", "file", "command", "package"),
    [
        ("curl", "curl", "send.sh", ("sh",), "curl"),
        ("python", sys.executable, "send.py", (sys.executable,), "python3"),
        ("node", "node", "send.js", ("node",), "nodejs"),
        ("java", "java", "Customer.java", ("java",), "default-jdk-headless"),
        ("php", "php", "send.php", ("php",), "php-cli and php-curl"),
        ("go", "go", "send.go", ("go", "run"), "golang-go"),
        ("ruby", "ruby", "send.rb", ("ruby",), "ruby"),
    ],
    ids=LANGUAGES,
)
def test_a_snippet_reaches_a_platform_that_requires_the_certificate(
    language: str, program: str, file: str, command: tuple[str, ...], package: str, platform: str, folder: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is missing: install {package}")
    text = snippet(language).text(CertificateFiles.within(AWKWARD)).replace(PLATFORM_URL, platform)
    (folder / file).write_text(text, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run((*command, file), capture_output=True, text=True, timeout=90, env=environment, cwd=folder)
    assert set(done.stdout.splitlines()) == {"CN=CloudSMS customer sent {} to /dave/io"}, done.stderr
