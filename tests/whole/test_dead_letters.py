"""Dead letters as a tool: looked at, replayed only where they failed, and told what became of each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.events import Record, a_track
from tests.whole.order import at_wigzo, at_wootric
from tests.whole.vendors import Vendors
from tests.whole.worker import PATIENCE, Worker, wigzo, wootric
from worker.sandbox.faults import Rule, Status

pytestmark = pytest.mark.apache

SICK = tuple(f"sick{number}@mail.example" for number in range(4))
WELL = tuple(f"well{number}@mail.example" for number in range(4))
EACH = 5
WITHOUT_IDS = b'{"type":"track","event":"Numbered","userId":"sick0@mail.example","properties":{"number":99}}'
REFUSED = Rule(destination="wigzo", users=SICK, do=Status(400, body='{"error": "no"}'))


def events(users: Sequence[str] = SICK + WELL, start: int = 0) -> list[Record]:
    """Numbered events of all users in turn, as both vendors name them."""
    return [a_track(user, number, name=f"Numbered {number}") for number in range(start, start + EACH) for user in users]


def command(worker: Worker, *arguments: str) -> tuple[int, str]:
    """The exit code of ``segment-relay dead-letters …`` and what it says."""
    ran = subprocess.run(
        called(worker, *arguments), capture_output=True, text=True, timeout=2 * PATIENCE, env=environment(), check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


def called(worker: Worker, *arguments: str) -> list[str]:
    name, *options = arguments
    return [sys.executable, "-m", "worker.cli", "dead-letters", name, "--config", str(worker.config), *options]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SEGMENT_RELAY_")}


def test_dead_letters_go_once_more_to_the_destination_that_refused_them_and_nowhere_else(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, [*events(), (None, WITHOUT_IDS), (b"odd", b"no json")])
    sandbox.put_faults(REFUSED)
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url), wootric(sandbox.url, credentials=False)) as worker:
        everything = len(SICK + WELL) * EACH + 2
        worker.until_settled(everything, "wigzo", "wootric")
        letters = place.topics.read(f"{place.group}.wigzo.dead-letters")
        assert Counter({"refused": len(SICK) * EACH + 1, "not-json": 1}) == Counter(one.reason for one in letters)

        # Looked at: counts and reasons, and nobody's name or payload; unless it is asked for.
        code, text = command(worker, "list", "-d", "wigzo", "--reason", "refused")
        assert (0, f"wigzo: 21 dead letters in {place.group}.wigzo.dead-letters") == (code, text.splitlines()[0])
        assert "refused  21       0" in text
        assert "mail.example" not in text.replace("@mail.example-", "")  # but in the ids that the test's events have
        assert "no dead letters of that kind" in command(worker, "list", "-d", "wigzo", "--since", "2030-01-01")[1]
        one = f"{SICK[1]}-3"
        code, text = command(worker, "show", "-d", "wigzo", one)
        assert (0, True, True) == (code, f"relay-message-id: {one}" in text, '"number":3' in text)

        # Not sent by looking at what would be.
        code, text = command(worker, "replay", "-d", "wigzo", "--reason", "refused", "--dry-run")
        assert (0, True) == (code, "wigzo: 21 dead letters to replay: 21 refused" in text)
        assert place.topics.read(f"{place.group}.wigzo.replay") == []

        # The vendor is corrected, the letters go once more.
        sandbox.put_faults()
        had = {name: len(sandbox.arrivals(name)) for name in ("wigzo", "wootric")}
        code, text = command(worker, "replay", "--all", "--wait", "40s")
        assert 1 == code, "what is no JSON stays none"
        assert "wigzo: 21       delivered, or not wanted any more (filtered, skipped)" in text
        assert "wigzo: 1        dead letter again: not-json" in text
        arrived = sandbox.arrivals("wigzo")[had["wigzo"] :]
        assert at_wigzo(arrived) == {user: [0, 1, 2, 3, 4] for user in SICK} | {SICK[0]: [0, 1, 2, 3, 4, 99]}
        # The other one had refused only what is no JSON.
        assert sandbox.arrivals("wootric")[had["wootric"] :] == []

        # It is the event that it was: its id is made of its first place.
        origin = next(one.headers["relay-origin"] for one in letters if one.value == WITHOUT_IDS)
        ids = {one.headers["relay-message-id"] for one in letters if one.value == WITHOUT_IDS}
        assert {origin.replace("/", "-")} == ids
        again = [one for one in place.topics.read(f"{place.group}.wigzo.dead-letters") if one.reason == "not-json"]
        assert 1 == len({one.headers["relay-origin"] for one in again})
        assert [None, "relay-letter"] == [next((n for n in one.headers if n == "relay-letter"), None) for one in again]

        # What was replayed is left out from then on.
        code, text = command(worker, "replay", "--reason", "refused", "-d", "wigzo")
        assert (0, True) == (code, "21 dead letters left out: replayed before" in text)
        assert 0 == worker.stop()
