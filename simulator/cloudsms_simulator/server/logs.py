"""Log lines: for people, or one JSON object each; on standard error."""

import logging
import sys
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.timestamps import wire_time
from cloudsms_simulator.server.wall import WallClock

_FIELDS = ("request_id", "account", "peer", "rules")


class TextLines(logging.Formatter):
    """`2026-11-22 17:00:00 INFO what happened`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")
        self._wall = WallClock()

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Hong Kong time, as on the wire."""
        return wire_time(self._wall.now())


class JsonLines(logging.Formatter):
    """`{"time": …, "level": "INFO", "logger": …, "message": …}` with the facts of an exchange beside it."""

    def __init__(self) -> None:
        super().__init__()
        self._wall = WallClock()

    def format(self, record: logging.LogRecord) -> str:
        """One object on one line, a traceback in its `traceback`."""
        line: dict[str, object] = {
            "time": self._wall.now(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: getattr(record, name) for name in _FIELDS if hasattr(record, name)})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def write_logs(style: Literal["text", "json"]) -> None:
    """Sends the simulator's log, and warnings of everything else, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines() if style == "text" else JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("cloudsms_simulator").setLevel(logging.INFO)
