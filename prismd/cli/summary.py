"""What ``prismd index`` says at its end."""

from __future__ import annotations

from collections.abc import Sequence

import click

from prismd.cli.terminal import plain
from prismd.daemon.assembly import Prism
from prismd.errors import PrismdError
from prismd.store import counts, files, listing
from prismd.store.obstacles import Waiting
from prismd.timing import duration
from prismd.watch import Sweep
from prismd.wording import counted

_SHOWN = 5


def summarise(prism: Prism, sweeps: Sequence[Sweep], elapsed_s: float) -> None:
    """Say what was done, what is in the index now, and what could not be read."""
    moved = sum(found.moved for found in sweeps)
    removed = sum(found.removed for found in sweeps)
    done = prism.progress.snapshot()
    read = sum(done.files.values()) - done.recognised
    # A file that moved by itself is recognised, too, and told once.
    copied = max(0, done.recognised - sum(found.compared for found in sweeps))
    states = prism.database.read(files.counts)
    passages, embedded = prism.database.read(counts.passages)
    if not read and not copied and not moved and not removed:
        click.echo(f"Nothing has changed ({duration(elapsed_s)}).")
    else:
        click.echo(
            f"{counted(read, 'file')} read, {f'{copied} of known content, ' if copied else ''}"
            f"{moved} moved, {removed} gone,"
            f" {counted(done.embeddings, 'passage')} embedded in {duration(elapsed_s)}."
        )
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    click.echo(
        f"In the index: {told or 'no files'}; {counted(passages, 'passage')}, {embedded} embedded."
    )
    _say_failures(prism)


def say_waiting(waiting: Sequence[Waiting]) -> None:
    """Say which files could not be read through no fault of theirs; a disk may be away for long.

    Raises:
        PrismdError: The system refused some.
    """
    for each in waiting:
        if each.kind == "disk":
            told = f"{counted(each.files, 'file')} not read: {plain(each.why)}"
            click.echo(f"{told}; read once it is back", err=True)
    refused = [
        f"{counted(each.files, 'file')} not read: {each.why}"
        for each in waiting
        if each.kind == "system"
    ]
    if refused:
        raise PrismdError(f"{'; '.join(refused)}; 'prismd index' tries again")


def _say_failures(prism: Prism) -> None:
    query = listing.FileQuery(state=("failed", "quarantined"), limit=_SHOWN)
    failed, total = prism.database.read(lambda c: listing.listing(c, query))
    for record in failed:
        click.echo(f"  {plain(record.error_message)}", err=True)
    if total > len(failed):
        click.echo(f"  and {total - len(failed)} more: 'prismd errors' lists them", err=True)
