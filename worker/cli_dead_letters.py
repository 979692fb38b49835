"""The commands under ``segment-relay dead-letters``: names, options and help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from worker import config as settings_of
from worker.config import Settings, SetupError

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", envvar="SEGMENT_RELAY_CONFIG", help="The worker's settings (TOML)."),
]
Destination = Annotated[
    str | None, typer.Option("--destination", "-d", metavar="NAME", help="One destination only; without it, each.")
]
Reasons = Annotated[
    list[str] | None, typer.Option("--reason", metavar="SLUG", help="Given up for this reason; may be repeated.")
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help='Given up then or later: "4h" (so long ago) or "2026-11-01T08:00Z".')
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Given up before then.")]
User = Annotated[str | None, typer.Option(metavar="KEY", help="Of this user: the ordering key, as `explain` shows it.")]
MessageId = Annotated[str | None, typer.Option("--message-id", metavar="ID", help="This event.")]

app = typer.Typer(
    help="Look at what was given up, and send it once more.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _settings(file: Path | None) -> Settings:
    return settings_of.load(file, os.environ)


@app.command("list")
def list_letters(
    config: ConfigFile = None,
    destination: Destination = None,
    reason: Reasons = None,
    since: Since = None,
    until: Until = None,
    user: User = None,
    message_id: MessageId = None,
    limit: Annotated[int, typer.Option(min=0, help="So many lines, of the newest, after the counts.")] = 20,
) -> None:
    """Count dead letters by reason, and list the newest. Without payloads: `show` has them."""
    from worker.commands.dead_letters import list_letters as run
    from worker.commands.letter_box import selection_of

    chosen = selection_of(reason or (), since, until, user, message_id)
    raise typer.Exit(run(_settings(config), destination, chosen, limit, typer.echo))


@app.command()
def show(
    which: Annotated[
        str, typer.Argument(metavar="ORIGIN|MESSAGE-ID", help="topic/partition/offset/member, or a message id.")
    ],
    config: ConfigFile = None,
    destination: Destination = None,
) -> None:
    """Show the dead letters of one event: headers and payload. That is personal data."""
    from worker.commands.dead_letters import show as run

    raise typer.Exit(run(_settings(config), destination, which, typer.echo))


@app.command()
def replay(
    config: ConfigFile = None,
    destination: Destination = None,
    reason: Reasons = None,
    since: Since = None,
    until: Until = None,
    user: User = None,
    message_id: MessageId = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were not replayed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that were replayed before.")] = False,
    skip_older: Annotated[
        bool, typer.Option("--skip-older", help="Leave out whose user has had newer events delivered.")
    ] = False,
    rate: Annotated[float | None, typer.Option(min=0.01, metavar="N", help="At most so many a second.")] = None,
    wait: Annotated[str, typer.Option(metavar="DURATION", help="How long to wait for what becomes of them.")] = "5m",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait.")] = False,
) -> None:
    """Send dead letters once more, each only to the destination that gave it up.

    They keep their order, id and time. The destination's wishes count again: filters, consent, max_age. Exit code 1
    when one of them became a dead letter again, or was still waiting at the end.
    """
    from worker.commands.letter_box import selection_of
    from worker.commands.replay import Wishes
    from worker.commands.replay import replay as run
    from worker.settings.quantities import duration

    try:
        seconds = 0.0 if no_wait else duration(wait)
    except ValueError:
        raise SetupError([f'--wait: found "{wait}", expected a duration like "90s" or "5m"']) from None
    chosen = selection_of(reason or (), since, until, user, message_id)
    wishes = Wishes(everything, dry_run, again, skip_older, rate, seconds)
    raise typer.Exit(run(_settings(config), destination, chosen, wishes, typer.echo))


@app.command()
def park(
    config: ConfigFile = None,
    destination: Destination = None,
    admin: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the worker listens, if not at worker.admin_address.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Give up now what keeps failing at the worker on this machine, so that the users' next events have their turn.

    For when a lane is full of failing users and somebody knows that they will not recover. Nothing is lost: what is
    given up can be replayed.
    """
    from worker.commands.park import park as run
    from worker.settings.quantities import address

    try:
        asked = None if admin is None else address(admin)
    except ValueError:
        raise SetupError([f'--admin: found "{admin}", expected a host and a port, like "127.0.0.1:9404"']) from None
    raise typer.Exit(
        run(_settings(config), destination, asked, lambda question: yes or typer.confirm(question), typer.echo)
    )
