"""Under what everybody is run."""

from __future__ import annotations

from dataclasses import dataclass

from bench.trouble import WELL, Kind, Trouble
from bench.workload import Workload

SETTLED = 2.0  # seconds until the trouble is met, and what is sent tells of it
AFTER = 6.0  # seconds in which what was refused may still come

SHORT = ("short", Workload(events=20_000, users=4_000))
FULL = ("full", Workload(events=100_000))
LONG = ("long", Workload(events=300_000))
TOPICS = dict((SHORT, FULL, LONG))


@dataclass(frozen=True, slots=True)
class Scenario:
    """``limit``: seconds from the first request after which a run is cut. ``skip``: events before the rate is taken.

    ``short``: the topic of those who are not ``fast``; ``slow``: whether they take part. ``sequential``: whether those
    do who send one by one. ``repeated``: in every round; else in the first only. ``kill``: half-way.
    """

    name: str
    topic: str
    limit: float
    latency: float = 0.0
    trouble: Trouble = WELL
    skip: int = 0
    slow: bool = True
    kill: bool = False
    repeated: bool = False
    sequential: bool = True
    short: str | None = None

    def topic_of(self, fast: bool) -> str:
        return self.topic if fast or not self.short else self.short


def _a_tenth(kind: Kind, seconds: float) -> Scenario:
    trouble = Trouble(kind, seconds)
    return Scenario(kind.value, "long", seconds + AFTER, latency=0.05, trouble=trouble, sequential=False)


SCENARIOS = (
    Scenario("0 ms", "full", 10.0, repeated=True),
    Scenario("50 ms", "full", 8.0, latency=0.05, repeated=True),
    Scenario("warm", "long", 25.0, skip=100_000, sequential=False, slow=False),
    Scenario("flaky", "short", 30.0, trouble=Trouble(Kind.FLAKY)),
    Scenario("kill", "full", 45.0, kill=True, short="short"),
    _a_tenth(Kind.SLOW, 8.0),
    # Longer: a peer that fills up with what was refused stands still only then.
    _a_tenth(Kind.DOWN, 12.0),
)
