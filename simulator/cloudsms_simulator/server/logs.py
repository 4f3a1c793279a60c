"""Log lines: for people, or one JSON object each; on standard error."""

import logging
import sys
from textwrap import indent
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.control_characters import escaped, escaped_lines
from cloudsms_simulator.protocol.timestamps import wire_time
from cloudsms_simulator.server.wall import WallClock

_INDENT = "    "
_FIELDS = ("request_id", "account", "peer", "rules")


class TextLines(logging.Formatter):
    """`2026-11-22 17:00:00 INFO what happened`; a traceback follows on lines that are indented.

    Control characters of what is told are escaped, so that only a line of ours begins with a time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._wall = WallClock()

    def format(self, record: logging.LogRecord) -> str:
        """The line, with Hong Kong time as on the wire, and what belongs to it."""
        lines = [escaped(f"{wire_time(self._wall.now())} {record.levelname:<7} {record.getMessage()}")]
        if record.exc_info:
            lines.append(indent(escaped_lines(self.formatException(record.exc_info)), _INDENT))
        if record.stack_info:
            lines.append(indent(escaped_lines(record.stack_info), _INDENT))
        return "\n".join(lines)


class JsonLines(logging.Formatter):
    """`{"time": …, "level": "INFO", "logger": …, "message": …}` with the facts of an exchange beside it."""

    def __init__(self) -> None:
        super().__init__()
        self._wall = WallClock()

    def format(self, record: logging.LogRecord) -> str:
        """One object on one line, a traceback in its `traceback`; its strings have no control characters either."""
        line: dict[str, object] = {
            "time": self._wall.now(),
            "level": record.levelname,
            "logger": record.name,
            "message": escaped(record.getMessage()),
        }
        for name in _FIELDS:
            if hasattr(record, name):
                value: object = getattr(record, name)
                line[name] = escaped(value) if isinstance(value, str) else value
        if record.exc_info:
            line["traceback"] = escaped_lines(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


def write_logs(style: Literal["text", "json"]) -> None:
    """Sends the simulator's log, and warnings of everything else, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines() if style == "text" else JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("cloudsms_simulator").setLevel(logging.INFO)
