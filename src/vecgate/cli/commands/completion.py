"""`vecgate completion`: print the completion script for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    vecgate completion bash > ~/.local/share/bash-completion/completions/vecgate
    eval "$(vecgate completion zsh)"
    """  # noqa: D301 - click reads the backspace
    from vecgate.cli.main import cli

    completer = get_completion_class(shell)
    assert completer is not None
    click.echo(completer(cli, {}, "vecgate", "_VECGATE_COMPLETE").source())
