"""Exit codes, and the errors that end a command with them: one clear message, never a traceback."""

import os
import sys
from enum import IntEnum

import click


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


_SHOWN = 200

_EXPLAINED = {
    "cloudsms_simulator.server.problems": "SettingsError",
    "cloudsms_simulator.server.key_pairs": "CertificateError",
    "cloudsms_simulator.server.listening_socket": "ListenError",
    "cloudsms_simulator.server.event_loop": "GreenThreadsError",
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
    """An error that is ours, in one line, and how to see where it comes from."""
    said = " ".join(str(error).split())
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return CommandError(
        f"{what} (a mistake of the simulator; `cloudsms-simulator --traceback COMMAND …` shows where)", ExitCode.FAILED
    )


def _of_the_system(error: OSError) -> CommandError:
    """What the system refused: a file, a folder for temporary files, a connection."""
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
