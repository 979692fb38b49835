"""The command line: names, options and help. What a command does is in :mod:`worker.commands`.

A command loads what only it needs when it is called, so that help is there at once.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from worker import cli_dead_letters
from worker import config as settings_of
from worker.adapters.connection import KafkaNotReached
from worker.commands.exits import Exit, internal, say, thrown_away
from worker.config import Settings, SetupError

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar="SEGMENT_RELAY_CONFIG",
        help="The settings (TOML). Without it, the environment alone: SEGMENT_RELAY_KAFKA__TOPICS and so on.",
    ),
]

app = typer.Typer(
    name="segment-relay",
    help="Segment events from Kafka to tools that only speak HTTP: in order, once, accounted for.",
    epilog="Exit codes: 0 done, 2 the set-up is wrong, 70 an error in the program, 75 Kafka is not reached. "
    "Settings are explained in docs/settings.md, metrics in docs/metrics.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(cli_dead_letters.app, name="dead-letters")


def _settings(file: Path | None) -> Settings:
    return settings_of.load(file, os.environ)


def _version(asked: bool) -> None:
    if asked:
        from worker.build import build

        typer.echo(f"segment-relay {version('segment-relay')} ({build()})")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version, whether it is compiled, and exit."
        ),
    ] = False,
) -> None: ...


@app.command()
def run(
    config: ConfigFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send nothing: read in groups of its own, translate, and count.")
    ] = False,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="A dry run: end where the topics ended as it began.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="A dry run: begin at start_at, not where the last dry run ended.")
    ] = False,
) -> None:
    """Run the worker, until SIGTERM or Ctrl-C.

    It then takes no new events, finishes what is under way (worker.drain_timeout at most), commits and leaves.

    Does it not deliver? `segment-relay check` says what is wrong with the set-up, and the metrics destination_state,
    limited_by and oldest_pending_age_seconds what it waits for.

    What would it send? With --dry-run it reads the same topics in the groups <kafka.group>.dry-run.<destination>, with
    disabled destinations, too. It opens no connection but to Kafka, writes no dead letters, and says at the end what
    would have become of the events, and in how many requests.
    """
    if dry_run:
        from worker.commands.dry_run import run as run_dry

        raise typer.Exit(run_dry(_settings(config), until_caught_up=until_caught_up, anew=anew, tell=typer.echo))
    if until_caught_up or anew:
        raise SetupError(["--until-caught-up and --anew are for a dry run: --dry-run is missing"])
    from worker.app import run as run_worker

    raise typer.Exit(run_worker(_settings(config)))


@app.command()
def check(config: ConfigFile = None) -> None:
    """Look whether everything is ready: settings, brokers, topics, rights, destinations, credentials.

    Sends no event. It leaves nothing behind: the group in which it tries a commit is deleted again.

    Each line has a mark: ✓ is right, ✗ must be corrected (exit code 2), – cannot be seen from here.
    """
    from worker.commands.check import run as run_checks

    raise typer.Exit(run_checks(_settings(config), typer.echo))


@app.command()
def config(config: ConfigFile = None) -> None:
    """Show every setting as it counts, secrets masked, and where each came from.

    Later ones win: default, file, environment, secret file.
    """
    from worker.commands.config import lines

    for line in lines(_settings(config)):
        typer.echo(line)


@app.command()
def explain(
    event: Annotated[
        str, typer.Argument(metavar="FILE", help="A file with one event, or one batch, as JSON; - is standard input.")
    ] = "-",
    config: ConfigFile = None,
    destination: Annotated[
        str | None, typer.Option("--destination", "-d", metavar="NAME", help="One destination only; without it, each.")
    ] = None,
) -> None:
    """Say what would become of one event at each destination, and why. Nothing is sent.

    Where the next request depends on an answer, the likely ones are assumed and each way is shown.
    """
    from worker.commands.explain import run as run_explain

    raise typer.Exit(run_explain(_settings(config), event, destination, typer.echo))


@app.command()
def sandbox(
    address: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where it listens; port 0 takes a free one.")] = (
        "127.0.0.1:8484"
    ),
) -> None:
    """Serve stand-ins of the vendors' APIs, to try a set-up without an account. Until Ctrl-C."""
    from worker.sandbox.stand_alone import serve

    try:
        serve(address, announce=typer.echo)
    except (ValueError, OSError) as error:
        raise SetupError([f"--address: {error}"]) from None


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay up at the end, for a look around.")] = False,
    broker: Annotated[
        Literal["embedded", "apache"],
        typer.Option(help="embedded: a small one that comes along. apache: Apache Kafka (needs Java 17 and Maven)."),
    ] = "embedded",
    events: Annotated[int, typer.Option(min=1, help="How many events.")] = 3000,
) -> None:
    """See it work: a broker, stand-ins of the vendors, and a stream of events through the real worker.

    Exit code 1 when the books do not balance, or the stand-ins received anything else than what was delivered.
    """
    from worker.demo import run as run_demo

    raise typer.Exit(run_demo(keep=keep, broker=broker, events=events))


def main() -> None:
    """The program. Whatever happens, it ends with one of the exit codes and a sentence, never with a traceback."""
    sys.unraisablehook = thrown_away
    sys.exit(_outcome())


def _outcome() -> int:
    try:
        app()
    except SetupError as error:
        say(f"segment-relay: {error}")
        return Exit.SETUP
    except KafkaNotReached as error:
        say(f"segment-relay: {error}")
        return Exit.NO_KAFKA
    except Exception as error:  # noqa: BLE001  (the outermost place)
        return internal(error)
    return Exit.OK


if __name__ == "__main__":
    main()
