"""The watcher: reads the files of a scenario again when they change, and has what they say put to use.

It looks at them now and then, which works wherever files are: in containers and on network drives too. What is wrong
with an edit is told once, and what was played goes on meanwhile.

Reading: R21.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.net.certificates import CertificateError
from cloudsms_simulator.net.sockets import ListenError
from cloudsms_simulator.stores.store import StoreError

LOOK_INTERVAL = timedelta(milliseconds=500)
"""Between one look and the next, in wall time."""

_log = logging.getLogger(__name__)


class FileStamp(msgspec.Struct, frozen=True):
    """What changes when a file is written."""

    modified: int
    size: int
    node: int


_Stamps = Mapping[Path, FileStamp | None]


class Watcher:
    """Watches every file a scenario was made of: its own, those it includes, those of its timeline.

    `use` puts a scenario that was read again to use; it is not asked to when the files say the same as before, so that
    a comment does not make counts begin anew. Belongs to one event loop.
    """

    def __init__(self, scenario: Scenario, use: Callable[[Scenario], Awaitable[None]]) -> None:
        self._scenario = scenario
        self._use = use
        self._stamps: _Stamps = {}
        self._problems: tuple[str, ...] = ()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks now and again, until it is stopped."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Looks no more. A scenario that is being put to use is abandoned half-way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self) -> None:
        """Looks once: reads the files again if one has changed, or as long as something is wrong with them.

        What mends a mistake may be another file, one that is not there yet; hence the latter.
        """
        stamps = await asyncio.to_thread(_stamps_of, self._scenario.files)
        changed = stamps != self._stamps
        if not changed and not self._problems:
            return
        self._stamps = stamps
        try:
            scenario = await asyncio.to_thread(_load, self._scenario.path)
            if is_new := _meaning(scenario) != _meaning(self._scenario):
                await self._use(scenario)
        except SettingsError as error:
            self._complain(error.problems, changed)
        except (StoreError, CertificateError, ListenError) as error:
            self._complain(str(error).splitlines(), changed)
        else:
            self._tell(scenario, is_new)
            self._scenario, self._problems = scenario, ()

    def _complain(self, problems: Sequence[str], changed: bool) -> None:
        told, self._problems = self._problems, tuple(problems)
        if not changed and told == self._problems:
            return
        for problem in problems:
            _log.warning("%s", problem)
        _log.warning("%s cannot be used as it is; what it said before goes on", self._scenario.path)

    def _tell(self, scenario: Scenario, is_new: bool) -> None:
        if is_new:
            for warning in scenario.warnings:
                _log.warning("%s", warning)
            again = "is good again" if self._problems else "has changed"
            _log.info("%s %s: the scenario %s begins anew", scenario.path, again, scenario.name)
        elif self._problems:
            _log.info("%s is good again, and says what it said before", scenario.path)

    async def _run(self) -> None:
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_INTERVAL.total_seconds())
        except Exception:
            _log.exception("%s is not watched any more", self._scenario.path)


def _load(path: Path) -> Scenario:
    from cloudsms_simulator.config.scenario_file import load_scenario

    return load_scenario(path)


def _meaning(scenario: Scenario) -> Scenario:
    """The scenario without what says only where and how it is written."""
    return msgspec.structs.replace(scenario, files=(), origins={}, warnings=())


def _stamps_of(files: Sequence[Path]) -> _Stamps:
    return {path: _stamp_of(path) for path in files}


def _stamp_of(path: Path) -> FileStamp | None:
    """None when the file is not there, or cannot be looked at."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return FileStamp(facts.st_mtime_ns, facts.st_size, facts.st_ino)
