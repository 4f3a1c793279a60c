"""The command line, `cloudsms-simulator`. A command is a row of `COMMANDS` and a module of its name.

`main` is a click group that imports the module of a command when it runs, so that `--help` and completion cost next to
nothing: they load this module, `process`, and the module that escapes control characters. Every command writes to the
streams of `process`, on which nothing is unsafe to display, and ends with an `ExitCode`; whatever it raises becomes one
message. A command that asks a running server takes the options of `admin_api`, which find it by URL, by ready file or
by host and port, and gets a `Client`; `send` finds the platform in the same ways; `serve` and `config` take one option
for each setting, `store` those that find a store (`serve.settings_options`). `messages`, `requests` and `reports` share
their commands (`journal`): a `ResourceKind` says how each is listed. `output` writes for a terminal, whole and uncut
where nobody looks; `--json` prints one JSON object.

To add a command: a row of `COMMANDS`, and a module with a click command, both of its name.
"""

import os
import sys
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from cloudsms_simulator.cli.process import (
    CommandError,
    ExitCode,
    explained,
    missed_output,
    standard_streams,
    unexpected,
)

COMMANDS = {
    "serve": "Run the platform.",
    "demo": "Show the platform at work: sends, answers, prices, delivery reports.",
    "send": "Send an SMS the way a customer does.",
    "listen": "Receive delivery reports the way a customer does.",
    "messages": "List, show, await and export messages.",
    "requests": "List, show, await and export requests with their answers.",
    "reports": "List, show, await and export delivery reports.",
    "clock": "Show or move the clock of an account.",
    "scenario": "List, write, check and use scenarios.",
    "account": "Make, show, change and delete accounts, and see what moved on them.",
    "segments": "Show how a text is encoded, cut into segments and billed.",
    "certs": "Make the certificates and tell how to trust them.",
    "readyz": "Tell whether a server is ready; for health checks.",
    "config": "Show, check or begin a configuration.",
    "store": "Check, upgrade, export and import a store on disk.",
    "explain": "Explain an exchange, or a packet before it is sent, and correct it.",
    "doctor": "Find out why reports do not arrive or requests are refused.",
    "completion": "Print the completion script of a shell.",
}
"""The commands in the order of `--help`, each with its line there."""

COMPLETION_VARIABLE = "_CLOUDSMS_SIMULATOR_COMPLETE"
"""The environment variable by which a shell asks for completions."""


class LazyGroup(click.Group):
    """A group whose commands are the rows of `COMMANDS`."""

    def main(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]  # whatever click's takes
        """Runs a command with streams that are safe, and ends with its exit code; 2 when its output is lost."""
        variable = kwargs.setdefault("complete_var", COMPLETION_VARIABLE)
        if variable in os.environ:  # what the shell reads has control characters between its fields
            return super().main(*args, **kwargs)  # type: ignore[call-overload]
        with standard_streams():
            try:
                return super().main(*args, **kwargs)  # type: ignore[call-overload]
            except SystemExit as ending:
                missed = None if ending.code else missed_output()
                if missed is None:
                    raise
                CommandError(f"cannot write standard output: {missed.strerror or missed}", ExitCode.USAGE).show()
                sys.exit(ExitCode.USAGE)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported now; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{__name__}.{cmd_name}.{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table, importing none of the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes the name of a command, importing none of them, or an option."""
        names = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed. Ends with 2, and a suggestion, when there is none of that name."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            from cloudsms_simulator.config import suggestion

            ctx.fail(f'there is no command "{args[0]}"{suggestion(args[0], COMMANDS)}')
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; an error becomes one message and an exit code, 2 for what the user can mend."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            explanation = explained(error)
            if explanation is None:
                if ctx.params["traceback"]:
                    import traceback

                    traceback.print_exception(error)
                explanation = unexpected(error)
            raise explanation from error


def _version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("cloudsms-simulator")
        except PackageNotFoundError:
            number = "of a checkout that is not installed"
        click.echo(f"cloudsms-simulator {number}")
        ctx.exit(ExitCode.OK)


@click.group(
    cls=LazyGroup,
    # The streams escape what is no text; click would leave it out where standard output is no terminal.
    context_settings={"help_option_names": ["-h", "--help"], "color": True},
    epilog="Ends 0 if all is well, 1 if a check failed, 2 for wrong usage, 3 if nobody answers, 4 for a time-out.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and end."
)
@click.option("--traceback", is_flag=True, help="Show the traceback of an error that nobody expected.")
def main(traceback: bool) -> None:
    """A local CloudSMS platform for testing what sends SMS."""
