"""The floors: what each measurement is held to, and whether it got there.

A floor is a ratio to something measured in the same run on the same machine, or a number of bytes. Only what users of
pytest wait for at every run is a time.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec


class Floor(msgspec.Struct, frozen=True):
    """One line of the table before anything is measured."""

    name: str
    what: str
    direction: Literal["at least", "at most"]
    bound: float
    unit: Literal["x", "bytes", "ms"]

    def holds(self, seen: float) -> bool:
        """Whether a measured value is on the right side of the bound, or on it."""
        return seen >= self.bound if self.direction == "at least" else seen <= self.bound

    def written(self) -> str:
        """The bound as the table shows it: `≥ 1.2x`, `≤ 1,000 bytes`."""
        return f"{'≥' if self.direction == 'at least' else '≤'} {self.amount(self.bound, exact=True)}"

    def amount(self, value: float, *, exact: bool = False) -> str:
        """A value in the floor's unit."""
        if self.unit == "bytes":
            return f"{value:,.0f} bytes"
        if self.unit == "ms":
            return f"{value:g} ms" if exact else f"{value:.1f} ms"
        return f"{value:g}x" if exact else f"{value:.2f}x"


class Row(msgspec.Struct, frozen=True):
    """One line of the table: a floor, what was seen, and the absolute numbers behind it."""

    floor: Floor
    seen: float
    detail: str
    on_the_wall: float | None = None
    """The same ratio by the clock on the wall, where the row is one of work per CPU second."""

    @property
    def holds(self) -> bool:
        """Whether the floor is kept."""
        return self.floor.holds(self.seen)


SENDS_HTTP = Floor("sends", "one-recipient sends against a Starlette echo, HTTP", "at least", 1.5, "x")
SENDS_MTLS = Floor("sends-mtls", "one-recipient sends against a Starlette echo, mTLS", "at least", 1.65, "x")
SENDS_SPLIT = Floor("sends-split", "the same, head and body in separate segments, HTTP", "at least", 1.25, "x")
ASGI = Floor("asgi", "the same as an ASGI application on uvicorn, HTTP", "at least", 0.4, "x")
BULK = Floor("bulk", "200-recipient requests, messages/s against single sends", "at least", 20, "x")
PUSHES_HTTP = Floor("pushes", "pushes against a bare aiohttp loop, HTTP", "at least", 2.4, "x")
PUSHES_MTLS = Floor("pushes-mtls", "pushes against a bare aiohttp loop, mTLS", "at least", 2, "x")
RULES = Floor("rules", "CPU of a send with 100 rules against none", "at most", 1.6, "x")
LISTENERS = Floor("listeners", "sends with 1,000 waits and 20 event streams against none", "at least", 0.95, "x")
PLUGIN_UNUSED = Floor("plugin-unused", "added to a pytest start that does not use the plugin", "at most", 10, "ms")
PLUGIN_USED = Floor("plugin-used", "added to one that does", "at most", 300, "ms")
FIXTURE_START = Floor("fixture-start", "the plugin's server, imports aside: start", "at most", 20, "ms")
FIXTURE_ACCOUNT = Floor("fixture-account", "a fresh account for a test", "at most", 3, "ms")
FIXTURE_STOP = Floor("fixture-stop", "the plugin's server: stop, with open streams", "at most", 20, "ms")
START = Floor("start", "start to first answer against bare imports", "at most", 1.4, "x")
JOURNAL_SINGLE = Floor("journal-single", "journal, bytes per message, single sends", "at most", 900, "bytes")
JOURNAL_BULK = Floor("journal-bulk", "journal, bytes per message, 200 a request", "at most", 340, "bytes")
DUE = Floor("due", "a due report among many pending against 1,000", "at most", 1.5, "x")
REQUESTS = Floor("requests", "CPU of a request, many journalled against none", "at most", 1.1, "x")
SQLITE = Floor("sqlite", "sends with everything kept in SQLite against memory", "at least", 0.4, "x")
RESTART = Floor("restart", "start to first answer, 10,000 messages in SQLite, against memory", "at most", 1.1, "x")
RESTART_VIEW = Floor("restart-view", "from there to the list of these messages, against memory", "at most", 500, "ms")
PAGE = Floor("page", "CPU of the inbox's list, many messages against 100", "at most", 1.5, "x")
PULSE = Floor("pulse", "sends with a page's event stream open against none", "at least", 0.9, "x")
INBOX = Floor("inbox", "sends with a page open in a browser against none", "at least", 0.7, "x")


def heading() -> str:
    """What the columns hold."""
    return _line("what", "floor", "seen", "wall", "")


def lines_of(row: Row) -> Iterator[str]:
    """A row of the table, and the absolute numbers indented below it."""
    wall = "" if row.on_the_wall is None else row.floor.amount(row.on_the_wall)
    mark = "" if row.holds else "BELOW ITS FLOOR"
    yield _line(row.floor.what, row.floor.written(), row.floor.amount(row.seen), wall, mark)
    yield f"    {row.detail}"


def summary_of(rows: list[Row]) -> str:
    """The last line: how many rows keep their floor, and which do not."""
    if not rows:
        return "Nothing was measured."
    below = [row.floor.name for row in rows if not row.holds]
    if not below:
        return f"All {len(rows)} rows keep their floor."
    return f"{len(below)} of {len(rows)} rows are below their floor: {', '.join(below)}."


def _line(what: str, floor: str, seen: str, wall: str, mark: str) -> str:
    return f"{what:<57} {floor:>14} {seen:>12} {wall:>8}  {mark}".rstrip()
