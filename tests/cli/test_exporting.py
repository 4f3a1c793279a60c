"""`export`, against a server that runs."""

import json
from pathlib import Path

from cloudsms_simulator.cli.process import ExitCode


def test_export_writes_every_field_of_each_oldest_first(busy, tmp_path: Path) -> None:
    lines = busy.run("messages", "export").stdout.splitlines()
    page = json.loads(busy.run("messages", "ls", "--json").stdout)
    assert [json.loads(line) for line in lines] == page["items"][::-1]
    file = tmp_path / "reports.jsonl"
    result = busy.run("reports", "export", "state:DELIVERED", "--output", str(file))
    assert (result.exit_code, result.output) == (0, "")
    [report] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert report["id"] == f"{busy.uids[0]}-1"
    result = busy.run("reports", "export", "--output", str(tmp_path / "none" / "file"))
    assert (result.exit_code, "--output" in result.stderr) == (ExitCode.USAGE, True)
