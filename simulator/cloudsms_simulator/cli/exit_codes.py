"""Exit codes, and the errors that end a command with them: one clear message, never a traceback."""

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


_EXPLAINED = {
    "cloudsms_simulator.server.problems": "SettingsError",
    "cloudsms_simulator.server.key_pairs": "CertificateError",
    "cloudsms_simulator.server.listening_socket": "ListenError",
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
    return None
