"""The results so far, in a file of one line a run: a run that was done is not done again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.comparison.environment import Machine
from bench.comparison.judging import Result
from bench.comparison.peers import Peer
from bench.comparison.tables import markdown
from bench.comparison.trial import Trial


class Notes:
    """Of one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._runs = folder / "runs.jsonl"
        lines = self._runs.read_text("utf-8").splitlines() if self._runs.exists() else []
        self.results = [Result(**json.loads(line)) for line in lines]

    def has(self, trial: Trial) -> bool:
        wanted = (trial.peer.name, trial.scenario.name, trial.round)
        return any((each.peer, each.scenario, each.round) == wanted for each in self.results)

    def add(self, result: Result) -> None:
        self.results.append(result)
        with self._runs.open("a", encoding="utf-8") as runs:
            runs.write(json.dumps(asdict(result)) + "\n")

    def publish(self, machine: Machine, peers: Sequence[Peer]) -> None:
        """Write ``results.md`` and ``results.json``."""
        (self._folder / "results.md").write_text(markdown(machine, peers, self.results), "utf-8")
        told = {
            "machine": asdict(machine),
            "peers": {each.name: {"order": each.order, "version": each.version()} for each in peers},
            "runs": [asdict(each) for each in self.results],
        }
        (self._folder / "results.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
