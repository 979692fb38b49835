"""``python -m bench.compare``: build the peers, run them and the worker in turn on one topic, print who did what.

Every run is written down at once; a second call goes on where the first ended (``--seconds`` bounds one call).
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.comparison.building import BuildFailed
from bench.comparison.environment import Machine
from bench.comparison.ground import ground
from bench.comparison.judging import Result
from bench.comparison.notes import Notes
from bench.comparison.peers import PEERS, Peer
from bench.comparison.scenarios import SCENARIOS, Scenario
from bench.comparison.tables import markdown
from bench.comparison.trial import Trial, attempt
from bench.fleet import NotMeasured
from worker.sandbox.brokers import BrokerUnavailable

FOLDER = Path("build/comparison")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1: something could not be built or run."""
    given = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as Ctrl-C: what was started is stopped
    began = time.monotonic()
    notes = Notes(given.folder)
    peers = [each for each in PEERS if not given.only or each.name in given.only]
    peers, unbuilt = _built(peers)
    left = [each for each in trials(peers, given.scenarios, given.rounds) if not notes.has(each)]
    try:
        if left:
            with ground(given.folder / "broker") as bootstrap:
                for trial in left:
                    if given.seconds and time.monotonic() - began > given.seconds - longest(trial.scenario):
                        break
                    notes.add(_told(attempt(trial, bootstrap, given.folder)))
    except (BrokerUnavailable, NotMeasured) as problem:
        print(problem, file=sys.stderr)
        return 1
    missing = sum(1 for each in left if not notes.has(each))
    notes.publish(Machine.here(), PEERS)
    print(markdown(Machine.here(), PEERS, notes.results))
    print(f"{time.monotonic() - began:.0f} s; {missing} runs are left", file=sys.stderr)
    return 1 if unbuilt else 0


def parser() -> argparse.ArgumentParser:
    """Of the command's line."""
    found = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    found.add_argument("--only", nargs="+", choices=[each.name for each in PEERS], help="these peers")
    found.add_argument("--scenarios", nargs="+", choices=[each.name for each in SCENARIOS], help="these scenarios")
    found.add_argument("--rounds", type=int, default=3, help="of the rates; the table shows the medians")
    # By its whole path, since the peers are started in it.
    found.add_argument(
        "--folder", type=lambda path: Path(path).resolve(), default=str(FOLDER), help="for data, logs and results"
    )
    found.add_argument("--seconds", type=float, help="begin no run that might end after so many")
    return found


def trials(peers: Sequence[Peer], names: Sequence[str] | None, rounds: int) -> Iterator[Trial]:
    """In turn: everybody once in a scenario before anybody twice, so that what disturbs the machine disturbs all."""
    for number in range(1, rounds + 1):
        for scenario in SCENARIOS:
            if names and scenario.name not in names:
                continue
            if number > 1 and not scenario.repeated:
                continue
            yield from (Trial(peer, scenario, number) for peer in peers if takes_part(peer, scenario))


def takes_part(peer: Peer, scenario: Scenario) -> bool:
    """Whether the scenario would tell anything of this peer."""
    return (scenario.sequential or not peer.sequential) and (scenario.slow or peer.fast)


def longest(scenario: Scenario) -> float:
    """Seconds that a run may take, with its start."""
    return scenario.limit + 8.0


def _built(peers: Sequence[Peer]) -> tuple[list[Peer], bool]:
    """Those that can be run, and whether any cannot."""
    there = []
    for peer in peers:
        try:
            if peer.build is not None:
                peer.build.build()
            there.append(peer)
        except BuildFailed as failure:
            print(f"{peer.name} is left out: {failure}", file=sys.stderr)
    return there, len(there) < len(peers)


def _told(result: Result) -> Result:
    said = [f"{result.rate:,.0f}/s" if result.rate else "", f"{result.cpu:.3f} CPU-ms" if result.cpu else ""]
    said += [f"healthy {result.healthy:,.0f}/s" if result.healthy is not None else ""]
    counts = f"late {result.late} overlap {result.overlaps} twice {result.duplicates} lost {result.lost}"
    told = ", ".join((*filter(None, said), counts, f"others {result.others:.0%}", result.ended))
    print(f"{result.scenario} {result.round} {result.peer}: {told}", file=sys.stderr, flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
