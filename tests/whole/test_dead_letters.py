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
from tests.whole.order import at_wigzo
from tests.whole.vendors import Vendors
from tests.whole.worker import PATIENCE, Worker, wigzo, wootric
from worker.sandbox.faults import Rule, Status

pytestmark = pytest.mark.apache

SICK = tuple(f"sick{number}@mail.example" for number in range(4))
WELL = tuple(f"well{number}@mail.example" for number in range(4))
EACH = 5
WITHOUT_IDS = b'{"type":"track","event":"Numbered","userId":"sick0@mail.example","properties":{"number":99}}'
REFUSED = Rule(destination="wigzo", users=frozenset(SICK), do=Status(400, body='{"error": "no"}'))


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
    place.topics.produce(place.topic, [*events(), (SICK[0].encode(), WITHOUT_IDS), (b"odd", b"no json")])
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
        assert "wigzo: 21       delivered, or not wanted any more (filtered, skipped)" in text, text
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


def test_what_is_refused_once_more_is_told_and_can_be_replayed_when_it_is_accepted(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, events(SICK))
    sandbox.put_faults(REFUSED)
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url)) as worker:
        worker.until_settled(len(SICK) * EACH, "wigzo")
        code, text = command(worker, "replay", "--all", "--wait", "40s")
        assert (1, True) == (code, "wigzo: 20       dead letter again: refused" in text), text

        # Two letters of each event, with its first place and one set of headers each.
        letters = place.topics.read(f"{place.group}.wigzo.dead-letters")
        assert {2} == set(Counter(one.headers["relay-origin"] for one in letters).values())
        assert place.topic == letters[-1].headers["relay-origin"].split("/")[0]
        shown = command(worker, "show", letters[0].headers["relay-origin"])[1]
        assert [2, 2, 2, 1] == [shown.count(f"  relay-{name}: ") for name in ("origin", "reason", "version", "letter")]

        # Newer events of one of them are delivered meanwhile.
        sandbox.put_faults()
        place.topics.produce(place.topic, events(SICK[:1], start=EACH))
        worker.until(lambda: len(at_wigzo(sandbox.arrivals("wigzo")).get(SICK[0], ())) == EACH, "the newer ones")
        worker.until_metrics(lambda now: now.settled("wigzo") == 2 * len(SICK) * EACH + EACH)
        older = "of them have newer events of their users that went to wigzo (--skip-older)"
        worker.until(
            lambda: f"wigzo: {EACH} {older}" in command(worker, "replay", "--all", "--dry-run")[1], "committed"
        )

        code, text = command(worker, "replay", "--all", "--skip-older", "--wait", "40s")
        assert (0, True) == (code, "wigzo: 5 left out: newer events of their users went to wigzo since" in text)
        assert "wigzo: 15       delivered" in text
        assert 0 == worker.stop()
    expected = {user: [0, 1, 2, 3, 4] for user in SICK[1:]} | {SICK[0]: [5, 6, 7, 8, 9]}
    assert expected == at_wigzo(sandbox.arrivals("wigzo"))


def test_a_replay_that_was_killed_is_finished_by_the_same_command(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    place.topics.produce(place.topic, events(SICK))
    sandbox.put_faults(REFUSED)
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url)) as worker:
        worker.until_settled(len(SICK) * EACH, "wigzo")
        sandbox.put_faults()
        slow = called(worker, "replay", "--reason", "refused", "--rate", "5")
        with subprocess.Popen(slow, stdout=subprocess.DEVNULL, env=environment()) as replay:
            worker.until(lambda: sandbox_has(sandbox) >= 3, "some are replayed")
            replay.send_signal(signal.SIGKILL)
        killed_at = len(place.topics.read(f"{place.group}.wigzo.replay"))
        assert 3 <= killed_at < len(SICK) * EACH, "it was killed too late"

        code, text = command(worker, "replay", "--reason", "refused", "--wait", "40s")
        assert (0, True) == (code, f"{killed_at} dead letters left out: replayed before" in text)
        assert 0 == worker.stop()
    replayed = Counter(one.headers["relay-letter"] for one in place.topics.read(f"{place.group}.wigzo.replay"))
    assert (len(SICK) * EACH, {1}) == (len(replayed), set(replayed.values()))
    assert {user: [0, 1, 2, 3, 4] for user in SICK} == at_wigzo(sandbox.arrivals("wigzo"))


def sandbox_has(sandbox: Vendors) -> int:
    return sum(map(len, at_wigzo(sandbox.arrivals("wigzo")).values()))


# What the embedded broker calls the end of a topic is its beginning: there, nobody's events are older than the worker.
@pytest.mark.parametrize(("place", "older"), [("embedded", ()), ("apache", WELL)], indirect=["place"])
def test_what_is_replayed_before_the_worker_ever_ran_is_not_missed(
    place: Place, sandbox: Vendors, tmp_path: Path, older: Sequence[str]
) -> None:
    for name in ("dead-letters", "replay"):
        place.topics.create(f"{place.group}.wigzo.{name}", partitions=2)
    place.topics.produce(place.topic, events(older))
    place.topics.produce(f"{place.group}.wigzo.dead-letters", events(SICK))
    worker = Worker(tmp_path, place.kafka(), wigzo(sandbox.url, start_at="latest"))
    assert "wigzo: 20 dead letters in" in command(worker, "list")[1]
    code, text = command(worker, "replay", "--all", "--no-wait")
    assert (0, f"wigzo: 20 replayed, to {place.group}.wigzo.replay") == (code, text.splitlines()[-1])
    with worker:
        worker.until(lambda: sandbox_has(sandbox) == len(SICK) * EACH, "the replayed ones")
        assert 0 == worker.stop()
    # In order, and nothing that was in the source before the worker's time.
    assert {user: [0, 1, 2, 3, 4] for user in SICK} == at_wigzo(sandbox.arrivals("wigzo"))


def test_who_asks_for_what_is_not_there_is_told(place: Place, sandbox: Vendors, tmp_path: Path) -> None:
    worker = Worker(tmp_path, place.kafka(), wigzo(sandbox.url))
    nothing = f"wigzo: no dead letters; the topic {place.group}.wigzo.dead-letters does not exist\n"
    assert (0, nothing) == command(worker, "list")
    assert (0, nothing) == command(worker, "replay", "--all")
    nobody = Worker(
        tmp_path,
        place.kafka(bootstrap_servers=["127.0.0.1:1"]),
        wigzo(sandbox.url),
        name="nobody",
        options={"start_timeout": 1},
    )
    code, text = command(nobody, "list")
    assert (75, True) == (code, "nothing listens at 127.0.0.1:1" in text)


def test_a_person_gives_up_what_keeps_failing_and_nothing_else(place: Place, sandbox: Vendors, tmp_path: Path) -> None:
    place.topics.produce(place.topic, events())
    sandbox.put_faults(Rule(destination="wigzo", users=frozenset(SICK), do=Status(500, headers={"Retry-After": "60"})))
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url)) as worker:
        worker.until_metrics(
            lambda now: now.value("keys_failing") == len(SICK) and now.settled("wigzo") == len(WELL) * EACH
        )
        sandbox.put_faults()  # their next events can be delivered, once those before them wait no longer
        address = worker.said("admin endpoint")[-1]["address"]
        code, text = command(worker, "park", "--admin", address, "--yes")
        assert (0, "wigzo: 4 events given up, with the reason parked; `list` shows them\n") == (code, text)
        metrics = worker.until_settled(len(SICK + WELL) * EACH, "wigzo")
        assert (0, 0) == metrics.balance("wigzo")
        assert 0 == worker.stop()
    letters = place.topics.read(f"{place.group}.wigzo.dead-letters")
    assert {(f"{user}-0", "parked") for user in SICK} == {
        (one.headers["relay-message-id"], one.reason) for one in letters
    }
    arrived = at_wigzo(sandbox.arrivals("wigzo"))
    assert {user: [1, 2, 3, 4] for user in SICK} == {user: arrived[user] for user in SICK}
