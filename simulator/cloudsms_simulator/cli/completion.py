"""`cloudsms-simulator completion`: the script that teaches a shell our commands and options."""

import click
from click.shell_completion import get_completion_class

PROGRAM = "cloudsms-simulator"


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash: eval "$(cloudsms-simulator completion bash)"    in ~/.bashrc
    zsh:  eval "$(cloudsms-simulator completion zsh)"     in ~/.zshrc
    fish: cloudsms-simulator completion fish | source     in ~/.config/fish/config.fish
    """
    from cloudsms_simulator.cli import COMPLETION_VARIABLE, main

    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"there is no completion for {shell}")
    script = maker(main, {}, PROGRAM, COMPLETION_VARIABLE)
    # Not `script.source()`: for bash that starts a bash, to warn of versions older than what we ask for.
    click.echo(script.source_template % script.source_vars())
