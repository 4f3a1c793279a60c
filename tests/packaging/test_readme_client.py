"""The README about the control client: its script, run against a server."""

import re
from pathlib import Path

import pytest

from cloudsms_simulator.pytest_plugin.server import LocalServer

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## From Python, without pytest") : README.index("## Scenarios")]
[SCRIPT] = re.findall(r"^```python\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
URL = "http://127.0.0.1:61816"


def test_its_script_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert URL in SCRIPT
    server = LocalServer("optional", "spec")
    try:
        exec(compile(SCRIPT.replace(URL, server.admin_url), "README.md", "exec"), {})
        assert "EXPIRED" in capsys.readouterr().out
        assert [account.name for account in server.client.accounts.all()] == ["default"]
    finally:
        server.close()
