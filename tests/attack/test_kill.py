"""The program that kills a server with a store on disk, on small numbers; and that it can complain."""

from contextlib import AbstractContextManager
from pathlib import Path

import kill
import pytest
from stage import Server, serving


def test_a_server_that_is_killed_loses_nothing_and_debits_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    code = kill.main(["--kills", "3"])
    assert (code, "3 kills, 0 things wrong" in capsys.readouterr().out) == (0, True)


def test_a_store_that_forgets_is_complained_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def serving_without_memory(folder: Path, config: str) -> AbstractContextManager[Server]:
        for file in folder.glob("kill.db*"):
            file.unlink()
        return serving(folder, config)

    monkeypatch.setattr(kill, "serving", serving_without_memory)
    assert kill.main(["--kills", "1"]) == 1
    assert "was accepted and is not there" in capsys.readouterr().out
