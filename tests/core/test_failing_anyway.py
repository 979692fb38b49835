"""Failures that come whatever is open, over many seeds: they keep the limit from nothing, and soon."""

from __future__ import annotations

from statistics import fmean

import pytest

from tests.core.simulated import Destination, Lane
from tests.core.test_concurrency import always

SEEDS = 30
MOST = 50
LATENCY = 0.05


def reached(share: float, seed: int) -> float:
    """Of the rate that is reachable where so many fail, between 10 and 20 s."""
    lane = Lane(Destination(always(LATENCY), fails=share), most=MOST, seed=seed)
    return lane.serve(20).rate(10, 20) / ((1 - share) * MOST / LATENCY)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.2, 0.4])
def test_failures_by_chance_keep_no_seed_from_the_reachable_rate(share: float) -> None:
    rates = sorted(reached(share, seed) for seed in range(SEEDS))
    assert rates[SEEDS // 20] >= 0.95
    assert rates[0] >= 0.8


def test_they_do_not_hide_a_limit() -> None:
    """One in ten fails anyway, and what is above 40."""
    rates, failed = [], []
    for seed in range(10):
        there = Destination(
            always(LATENCY), fails=0.1, refuses_above=lambda now: 40, refusal_takes=LATENCY, refusal="failed"
        )
        run = Lane(there, most=400, seed=seed).serve(60)
        rates.append(run.rate(20, 60) / (0.9 * 40 / LATENCY))
        failed.append(run.share("failed", since=20))
    assert min(rates) >= 0.7
    assert fmean(rates) >= 0.85
    assert max(failed) <= 0.2
    assert fmean(failed) <= 0.12


def test_one_user_s_own_limit_is_not_the_destination_s() -> None:
    """One request in fifty is refused in so many words, whatever is open."""
    rates = []
    for seed in range(10):
        lane = Lane(Destination(always(LATENCY), fails=0.02, failure="refused"), most=MOST, seed=seed)
        rates.append(lane.serve(20).rate(10, 20) / (0.98 * MOST / LATENCY))
    assert min(rates) >= 0.7
    assert fmean(rates) >= 0.9
