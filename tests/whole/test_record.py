"""Real libraries' events through the whole worker: the vendors receive what their tables say, in order, once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.events import by_user, script
from tests.whole.expectations import (
    SURVEYED,
    Expected,
    expected,
    outcomes,
    wigzo_arrived,
    wigzo_expected,
    wootric_arrived,
    wootric_expected,
)
from tests.whole.topics import Letter
from tests.whole.vendors import Vendors, vendors
from tests.whole.worker import Worker, wigzo, wootric

BOTH = pytest.mark.parametrize("place", ["embedded", pytest.param("apache", marks=pytest.mark.apache)], indirect=True)


@BOTH
def test_the_vendors_receive_what_was_written_down_for_each_shopper(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    messages = script("python")
    place.topics.produce(place.topic, by_user(messages))
    sandbox.put_eligibility(*SURVEYED)
    with vendors() as token_alone:
        # With surveys by e-mail nothing is merged: each request stands for one event.
        surveying = wootric(sandbox.url, settings={"email_survey_on_eligible": True}, concurrency=32)
        alone = wootric(token_alone.url, "alone", credentials=False, concurrency=32)
        with Worker(tmp_path, place.kafka(), wigzo(sandbox.url, concurrency=32), surveying, alone) as worker:
            metrics = worker.until_settled(len(messages), "wigzo", "wootric", "alone")
            assert 0 == worker.stop()
        checks = wootric_arrived(token_alone.arrivals("wootric"))
    assert wigzo_expected(expected("wigzo"), messages) == wigzo_arrived(sandbox.arrivals("wigzo"))
    assert wootric_expected(expected("wootric")) == wootric_arrived(sandbox.arrivals("wootric"))
    assert wootric_expected(expected("wootric-token")) == checks
    for name, of in (("wigzo", "wigzo"), ("wootric", "wootric"), ("alone", "wootric-token")):
        assert (0, 0) == metrics.balance(name)
        assert _ends(expected(of)) == _without_notes(
            metrics.by("events_settled_total", "outcome", "reason", destination=name)
        )
        assert _given_up(expected(of), messages) == _values(place.topics.read(f"{place.group}.{name}.dead-letters"))
    assert [] == [arrival for arrival in sandbox.arrivals("wigzo") + sandbox.arrivals("wootric") if arrival.overlap]


def _ends(of: Expected) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for entries in of.values():
        for entry in entries:
            outcome, _, reason = entry.get("outcome", "delivered").partition(" ")
            found[outcome, reason] += 1
    return found


def _without_notes(settled: Counter[tuple[str, ...]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (outcome, reason), events in settled.items():
        found[outcome, "" if outcome == "delivered" else reason] += events
    return found


def _given_up(of: Expected, messages: list[bytes]) -> list[tuple[str, bytes | None]]:
    lines = {line: outcome.split() for line, outcome in outcomes(of).items()}
    return sorted((why[1], messages[line - 1]) for line, why in lines.items() if why[0] == "dead-lettered")


def _values(letters: list[Letter]) -> list[tuple[str, bytes | None]]:
    return sorted((letter.reason, letter.value or b"") for letter in letters)
