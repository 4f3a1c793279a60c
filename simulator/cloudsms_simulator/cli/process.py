"""A command as a process: exit codes, errors as one clear message, and streams that are safe to write to.

- `ExitCode` is how a command ends; `CommandError` ends it with a message and a code. Any other error becomes a
  message too, never a traceback: those written for the user are known by module and name, so that nothing is
  imported for it.
- Ctrl-C and SIGTERM become an event (`stop_on_signals`), or the end of a block (`interruptible`), so that a command
  ends in good order.
- Every command, and click with its usage errors and its help, writes to the streams that `standard_streams` makes:
  control characters are escaped, JSON is ASCII where the encoding is not one of Unicode, and output that cannot be
  written is noticed at the end.

Loaded at every start, so it imports nothing but click and what escapes control characters.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import IO, TYPE_CHECKING, BinaryIO, TextIO

import click

from cloudsms_simulator.protocol.unicode_text import code_unit_escapes, escaped_lines

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

    from _typeshed import ReadableBuffer


class ExitCode(IntEnum):
    """How a command ends."""

    OK = 0
    FAILED = 1
    """A check failed, or a send was refused."""
    USAGE = 2
    """Wrong usage: a flag, a file, a port that is taken."""
    UNREACHABLE = 3
    """Nobody answers there."""
    TIMED_OUT = 4


class CommandError(click.ClickException):
    """Ends the command with a message and a code; `Error: ` comes before the message."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: IO[str] | None = None) -> None:
        """Prints it to standard error, or to a file."""
        # As `main` has it for everything else: click forgets that here before 8.2.
        click.echo(f"Error: {self.format_message()}", file=file, err=file is None, color=True)


_SHOWN = 200

_EXPLAINED = {
    "cloudsms_simulator.config": "SettingsError",
    "cloudsms_simulator.net.certificates": "CertificateError",
    "cloudsms_simulator.net.sockets": "ListenError",
    "cloudsms_simulator.net.runtime": "GreenThreadsError",
    "cloudsms_simulator.stores.store": "StoreError",
}
"""Errors whose text is written for the user, by the module that has them."""


def explained(error: Exception) -> CommandError | None:
    """The error as the user reads it, or None when it is no error of the user's. Imports nothing."""
    for module, name in _EXPLAINED.items():
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            lines = str(error).splitlines()
            text = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} things are wrong:", *lines])
            return CommandError(text, ExitCode.USAGE)
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, UnicodeEncodeError) and _not_utf_8(error):
        return CommandError(f'got "{error.object[:_SHOWN]}", which is not UTF-8, want UTF-8', ExitCode.USAGE)
    return None


def unexpected(error: Exception) -> CommandError:
    """The message for an error of the simulator itself, in one line, with how to see where it comes from."""
    said = " ".join(str(error).split())
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return CommandError(
        f"{what} (a mistake of the simulator; `cloudsms-simulator --traceback COMMAND …` shows where)", ExitCode.FAILED
    )


def _of_the_system(error: OSError) -> CommandError:
    """The message for an error of the system: a file, a folder for temporary files, a connection."""
    code = ExitCode.USAGE
    if isinstance(error, TimeoutError):
        code = ExitCode.TIMED_OUT
    elif isinstance(error, ConnectionError):
        code = ExitCode.UNREACHABLE
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return CommandError(f"{where}{error.strerror or str(error) or type(error).__name__}", code)


def _not_utf_8(error: UnicodeEncodeError) -> bool:
    """Whether it is about octets of an argument or of the environment that are not UTF-8: Python keeps them so."""
    return any("\udc80" <= character <= "\udcff" for character in error.object[error.start : error.end])


class SafeStream(io.TextIOWrapper):
    """Text and JSON for a terminal, a pipe or a file, on the octets of another stream and in its encoding.

    Control characters are escaped (see `protocol.unicode_text`), and so is what the encoding does not have.
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


def stop_on_signals(stop: asyncio.Event) -> None:
    """Sets the event when the process is told to stop. Call it in the running loop, in the main thread."""
    import asyncio

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))


@contextmanager
def interruptible() -> Iterator[None]:
    """A block that blocks, and is left without an error when the process is told to stop. For the main thread."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
