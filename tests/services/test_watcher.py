"""The watcher, look by look: what is read again, what is put to use, and what is told."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import pytest
from patience import STORY

from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_file import load_scenario
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.services import scenarios
from cloudsms_simulator.services.scenarios import Watcher
from cloudsms_simulator.stores.store import StoreError

BUSY = "version: 1\nrules: [{ reply: Busy }]\n"
INTERCEPT = "version: 1\nrules: [{ reply: Intercept }]\n"
WRONG = "version: 1\nrulse: [{ reply: Busy }]\nsede: 1\n"


class Watched:
    """A scenario's file, somebody who plays it, and the watcher between them."""

    def __init__(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        self._folder = folder
        self._caplog = caplog
        self._writes = 0
        self.path = folder / "busy.yaml"
        self.write(BUSY)
        self.used: list[Scenario] = []
        self.failure: Exception | None = None
        self.watcher = Watcher(load_scenario(self.path), self._use)

    async def _use(self, scenario: Scenario) -> None:
        if self.failure is not None:
            raise self.failure
        self.used.append(scenario)

    def write(self, text: str, name: str = "busy.yaml") -> None:
        """Writes a file; as any two writes of a person's, they are a moment apart."""
        self._writes += 1
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(self._writes, self._writes))

    @property
    def replies(self) -> list[str]:
        """What the first rule of each scenario that was put to use replies."""
        return [scenario.book.rules[0].replies[0].code.name for scenario in self.used]

    def told(self) -> list[str]:
        """What was logged since this was asked last, without the folder."""
        messages = [message.replace(f"{self._folder}{os.sep}", "") for message in self._caplog.messages]
        self._caplog.clear()
        return messages


@pytest.fixture
def watched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Watched:
    caplog.set_level(logging.INFO, "cloudsms_simulator")
    return Watched(tmp_path, caplog)


@pytest.fixture
def run() -> Callable[[Coroutine[None, None, None]], None]:
    """Runs a story; one that does not end in time has failed."""

    def tell(story: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(asyncio.wait_for(story, STORY))

    return tell


def test_files_that_do_not_change_are_read_once(run, watched, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    load = scenarios._load
    monkeypatch.setattr(scenarios, "_load", lambda path: reads.append(path) or load(path))

    async def story() -> None:
        for _ in range(3):
            await watched.watcher.look()

    run(story())
    assert (reads, watched.used, watched.told()) == ([watched.path], [], [])


def test_an_edit_is_put_to_use_once(run, watched) -> None:
    async def story() -> None:
        await watched.watcher.look()
        watched.write(INTERCEPT)
        await watched.watcher.look()
        await watched.watcher.look()

    run(story())
    assert watched.replies == ["INTERCEPT"]
    assert watched.told() == ["busy.yaml has changed: the scenario busy begins anew"]


def test_an_edit_before_the_first_look_is_not_missed(run, watched) -> None:
    watched.write(INTERCEPT)
    run(watched.watcher.look())
    assert watched.replies == ["INTERCEPT"]


def test_a_comment_makes_nothing_begin_anew(run, watched) -> None:
    async def story() -> None:
        watched.write(f"# often\n\n{BUSY}")
        await watched.watcher.look()

    run(story())
    assert (watched.used, watched.told()) == ([], [])


def test_warnings_of_an_edit_are_told(run, watched) -> None:
    watched.write("version: 1\nrules: [{ reply: Intercept }, { id: late, reply: Busy }]\n")
    run(watched.watcher.look())
    assert watched.told()[0].startswith('busy.yaml:2:31: rules[1]: "late" is never reached')


def test_every_mistake_of_a_bad_edit_is_told_once_and_what_was_played_goes_on(run, watched) -> None:
    told = [
        'busy.yaml:2:1: unknown key "rulse"; did you mean "rules"?',
        'busy.yaml:3:1: unknown key "sede"; did you mean "seed"?',
        "busy.yaml cannot be used as it is; what it said before goes on",
    ]

    async def story() -> None:
        watched.write(WRONG)
        for _ in range(3):
            await watched.watcher.look()
        assert watched.told() == told
        # Somebody saved it again: that it is still wrong is worth telling.
        watched.write(WRONG)
        await watched.watcher.look()
        assert watched.told() == told

    run(story())
    assert watched.used == []


def test_it_says_when_a_file_is_good_again(run, watched) -> None:
    async def story() -> None:
        watched.write(WRONG)
        await watched.watcher.look()
        watched.told()
        watched.write(INTERCEPT)
        await watched.watcher.look()
        await watched.watcher.look()

    run(story())
    assert watched.replies == ["INTERCEPT"]
    assert watched.told() == ["busy.yaml is good again: the scenario busy begins anew"]


def test_a_file_that_is_good_again_as_it_was_begins_nothing_anew(run, watched) -> None:
    async def story() -> None:
        watched.write(WRONG)
        await watched.watcher.look()
        watched.told()
        watched.write(BUSY)
        await watched.watcher.look()

    run(story())
    assert (watched.used, watched.told()) == ([], ["busy.yaml is good again, and says what it said before"])


def test_a_file_that_vanishes_is_told_and_so_is_its_return(run, watched) -> None:
    async def story() -> None:
        await watched.watcher.look()
        watched.path.unlink()
        await watched.watcher.look()
        await watched.watcher.look()
        assert watched.told() == [
            "busy.yaml: cannot be read: No such file or directory",
            "busy.yaml cannot be used as it is; what it said before goes on",
        ]
        watched.write(BUSY)
        await watched.watcher.look()

    run(story())
    assert (watched.used, watched.told()) == ([], ["busy.yaml is good again, and says what it said before"])


def test_a_file_that_comes_newly_by_include_is_watched_too(run, watched) -> None:
    async def story() -> None:
        await watched.watcher.look()
        watched.write(INTERCEPT.replace("rules", "name: more\nrules"), "more.yaml")
        watched.write("version: 1\ninclude: more\n")
        await watched.watcher.look()
        await watched.watcher.look()
        watched.write(BUSY.replace("rules", "name: more\nrules"), "more.yaml")
        await watched.watcher.look()

    run(story())
    assert watched.replies == ["INTERCEPT", "BUSY"]


def test_a_mistake_that_is_mended_in_another_file_is_seen_as_mended(run, watched) -> None:
    async def story() -> None:
        watched.write("version: 1\ninclude: ./more.yaml\n")
        await watched.watcher.look()
        assert "there is no file more.yaml" in watched.told()[0]
        watched.write("version: 1\nname: more\nrulse: []\n", "more.yaml")
        await watched.watcher.look()
        assert watched.told()[0].startswith('more.yaml:3:1: unknown key "rulse"')
        watched.write(INTERCEPT.replace("rules", "name: more\nrules"), "more.yaml")
        await watched.watcher.look()

    run(story())
    assert watched.replies == ["INTERCEPT"]


def test_what_cannot_be_put_to_use_is_told_once_and_tried_again(run, watched) -> None:
    async def story() -> None:
        watched.failure = StoreError("the disk is full")
        watched.write(INTERCEPT)
        await watched.watcher.look()
        await watched.watcher.look()
        assert watched.told() == [
            "the disk is full",
            "busy.yaml cannot be used as it is; what it said before goes on",
        ]
        watched.failure = None
        await watched.watcher.look()

    run(story())
    assert watched.replies == ["INTERCEPT"]


def test_it_looks_by_itself_until_it_is_stopped(run, watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenarios, "LOOK_INTERVAL", timedelta(milliseconds=1))

    async def story() -> None:
        arrived = asyncio.Event()

        async def use(_scenario: Scenario) -> None:
            arrived.set()

        before = asyncio.all_tasks()
        watching = Watcher(load_scenario(watched.path), use)
        watching.start()
        watched.write(INTERCEPT)
        await arrived.wait()
        await watching.stop()
        assert asyncio.all_tasks() == before

    run(story())


def test_one_that_was_never_started_can_be_stopped(run, watched) -> None:
    async def story() -> None:
        before = asyncio.all_tasks()
        await watched.watcher.stop()
        assert asyncio.all_tasks() == before

    run(story())


def test_an_error_of_its_own_ends_it_and_is_told(run, watched) -> None:
    async def story() -> None:
        watched.failure = RuntimeError("a slip")
        watched.write(INTERCEPT)
        watched.watcher.start()
        await asyncio.wait([watched.watcher._task])
        await watched.watcher.stop()

    run(story())
    assert watched.told() == ["busy.yaml is not watched any more"]
