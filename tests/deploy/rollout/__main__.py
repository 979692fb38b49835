"""``python -m tests.deploy.rollout [VARIANT …]``: what a rollout, or one of its variants, does to the stream of events.

Apache Kafka, both vendors' stand-ins, a steady load, and the pods of the chart as processes. Loopback only; each takes
one to four minutes.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.deploy.rollout.rendered import a_release
from tests.deploy.rollout.scene import RATE, a_scene, told
from tests.deploy.rollout.variants import A_DEPLOYMENT, VARIANTS
from tests.torture.judge import Incident
from tests.torture.kafka_cluster import Kafka, kafka


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.rollout", description=__doc__)
    parser.add_argument("variants", nargs="*", default=["rollout"], metavar="VARIANT", help=", ".join(VARIANTS))
    parser.add_argument("--workers", type=int, default=3, help="pods at the beginning")
    parser.add_argument("--rate", type=float, default=RATE, help="events a second")
    given = parser.parse_args()
    if unknown := set(given.variants) - set(VARIANTS):
        parser.error(f"there is no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # all that was begun is ended then, too
    for name in given.variants:
        with tempfile.TemporaryDirectory() as folder, kafka(Path(folder), 1) as on:
            _run(name, on, Path(folder), given.workers, given.rate)
    return 0


def _run(name: str, on: Kafka, folder: Path, workers: int, rate: float) -> None:
    print(f"--- {name}: {VARIANTS[name].__doc__}", flush=True)
    incidents = []
    chosen = A_DEPLOYMENT if name.startswith("deployment") else {}
    with a_scene(on, folder, lambda place: a_release(place, chosen, replicas=workers)) as scene:
        with scene.load(rate):
            for said in VARIANTS[name](scene):
                if isinstance(said, Incident):
                    incidents.append(said)
                else:
                    print(said, flush=True)
        print(*told(scene, *incidents), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
