"""The page about the control client: its script, run against a server."""

import pytest
from documents import page, snippets

from cloudsms_simulator.pytest_plugin.server import LocalServer

[SCRIPT] = snippets(page("python-client"), "python")
URL = "http://127.0.0.1:61816"


def test_its_script_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert URL in SCRIPT
    server = LocalServer("optional", "spec")
    try:
        exec(compile(SCRIPT.replace(URL, server.admin_url), "python-client.md", "exec"), {})
        assert "EXPIRED" in capsys.readouterr().out
        assert [account.name for account in server.client.accounts.all()] == ["default"]
    finally:
        server.close()
