"""The streams of a command: what is written is safe to display, and what cannot be written ends nothing.

Every command, and click with its usage errors and its help, writes to the streams that `standard_streams` makes, so
that no command has to see to it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, TextIO

from cloudsms_simulator.protocol.control_characters import code_unit_escapes, escaped_lines

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class SafeStream(io.TextIOWrapper):
    """Text and JSON for a terminal, a pipe or a file, on the octets of another stream and in its encoding.

    Control characters are escaped (see `protocol.control_characters`), and so is what the encoding does not have.
    Nothing here raises OSError: from the first failure on what is written is dropped, and `failure` says why.
    """

    def __init__(self, octets: BinaryIO, encoding: str, *, line_buffering: bool) -> None:
        super().__init__(octets, encoding, line_buffering=line_buffering)
        self.failure: OSError | None = None
        self.expendable = False
        """Whether the command has done its work although what it wrote is lost."""
        self._octets = octets
        self._unicode = encoding.lower().replace("-", "").replace("_", "").startswith("utf")

    @property
    def buffer(self) -> BinaryIO:
        """Takes JSON in UTF-8, and escapes it as text is escaped."""
        return _JsonOctets(self)  # type: ignore[return-value]  # a writable stream of octets, which click looks for

    def write(self, text: str) -> int:
        """Writes the text. The length of what was given comes back."""
        self._put(self._encodable(escaped_lines(text)))
        return len(text)

    def write_json(self, octets: ReadableBuffer) -> int:
        """Writes JSON, in ASCII where the stream's encoding is not one of Unicode: JSON is UTF-8 for its readers."""
        data = bytes(octets)
        text = escaped_lines(data.decode("utf-8", "backslashreplace"))
        if not self._unicode:
            text = "".join(each if each.isascii() else code_unit_escapes(each) for each in text)
        self._put(text)
        return len(data)

    def fileno(self) -> int:
        """None: whatever is written here goes through here."""
        raise io.UnsupportedOperation("fileno")

    def flush(self) -> None:
        """Hands everything over to the system."""
        if not self.closed:
            try:
                super().flush()
            except OSError as error:
                self._lose(error)

    def _put(self, text: str) -> None:
        try:
            super().write(text)
        except OSError as error:
            self._lose(error)

    def _encodable(self, text: str) -> str:
        if self._unicode or text.isascii():
            return text
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return "".join(each if self._has(each) else code_unit_escapes(each) for each in text)
        return text

    def _has(self, character: str) -> bool:
        try:
            character.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def _lose(self, error: OSError) -> None:
        """Has the null device take the rest: what is in a buffer would fail again when the process ends."""
        self.failure = self.failure or error
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._octets.fileno())
            os.close(null)
        with suppress(OSError):
            super().flush()


class _JsonOctets(io.BufferedIOBase):
    """Where a `SafeStream` takes octets."""

    def __init__(self, stream: SafeStream) -> None:
        super().__init__()
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, octets: ReadableBuffer, /) -> int:
        return self._stream.write_json(octets)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


@contextmanager
def standard_streams() -> Iterator[None]:
    """Standard output and error as `SafeStream`s, as long as the block lasts.

    Where a standard stream is closed, the null device is opened for it, for good: else the next socket would take its
    number, and what is written to the stream would go there.
    """
    _open_closed_ones()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_safe, before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, SafeStream):
                stream.flush()
                stream.detach()
        sys.stdout, sys.stderr = before


def go_on_without_output() -> None:
    """Makes the command one that does its work although standard output cannot be written: a server."""
    if isinstance(sys.stdout, SafeStream):
        sys.stdout.expendable = True


def output_failure() -> OSError | None:
    """Why what was written to standard output is lost, if it is."""
    return sys.stdout.failure if isinstance(sys.stdout, SafeStream) else None


def missed_output() -> OSError | None:
    """Why output is lost that somebody may still want: a reader that closed the pipe wants no more."""
    failure = output_failure()
    unwanted = isinstance(failure, BrokenPipeError) or (isinstance(sys.stdout, SafeStream) and sys.stdout.expendable)
    return None if unwanted else failure


def _safe(stream: TextIO) -> TextIO:
    octets = getattr(stream, "buffer", None)
    if octets is None:  # text that somebody collects in memory
        return stream
    stream.flush()
    return SafeStream(octets, stream.encoding or "utf-8", line_buffering=bool(stream.line_buffering))


def _open_closed_ones() -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)
            if null != number:
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115
