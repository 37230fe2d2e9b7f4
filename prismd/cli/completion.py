"""``completion``: what makes a shell complete commands, options and names."""

from __future__ import annotations

import click

VARIABLE = "_PRISMD_COMPLETE"
"""By which a shell's script says what it wants; the scripts name it, so it stays."""

_HELP = """Print a script by which a shell completes commands, options, models and folders.

It goes where the shell looks for such scripts, and need not be renewed with prismd.

For bash (4.4 or newer, with bash-completion):

\b
  mkdir -p ~/.local/share/bash-completion/completions
  prismd completion bash > ~/.local/share/bash-completion/completions/prismd

For zsh, where ~/.zshrc has these two lines:

\b
  fpath+=~/.zfunc
  autoload -Uz compinit && compinit

\b
  mkdir -p ~/.zfunc
  prismd completion zsh > ~/.zfunc/_prismd

For fish:

\b
  mkdir -p ~/.config/fish/completions
  prismd completion fish > ~/.config/fish/completions/prismd.fish
"""


@click.command("completion", help=_HELP, short_help="Print what makes a shell complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), help="Whose script is wanted.")
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print a shell's script; it asks prismd for each word, so it knows later commands, too."""
    from click.shell_completion import get_completion_class

    completing = get_completion_class(shell)
    assert completing is not None  # noqa: S101 - click has all three
    click.echo(completing(ctx.find_root().command, {}, "prismd", VARIABLE).source(), nl=False)
