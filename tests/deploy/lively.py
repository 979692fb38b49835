"""Two workers to whose events everything happens that a dashboard has to show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias
from urllib.request import urlopen

from tests.whole.events import EACH, USERS, a_crowd, a_track
from tests.whole.metrics import Metrics
from tests.whole.topics import PARTITIONS, Topics
from tests.whole.vendors import vendors
from tests.whole.worker import Tables, Worker, kafka, wigzo, wootric
from worker.sandbox.faults import Reset, Rule, Status

SICK, REFUSED, LOST = USERS[0], USERS[1], USERS[2]
MALFORMED: Final = (b"odd", b"no json")
MORE: Final = 5  # events of each user that come once both workers are there
# One user's requests fail, another one's are refused; a third one's answers are lost on the way; look-ups work.
FAULTS: Final = (
    Rule(destination="wigzo", users=frozenset({SICK}), do=Status(500)),
    Rule(destination="wigzo", users=frozenset({REFUSED}), do=Status(400, body='{"error": "no"}')),
    Rule(destination="wigzo", users=frozenset({LOST}), operation="learn/event", times=2, do=Reset(at="lost")),
)
DESTINATIONS: Final = ("wigzo", "wootric", "down", "closed")
Pods: TypeAlias = Mapping[str, Worker]


@contextmanager
def lively(
    bootstrap: tuple[str, ...], folder: Path, unique: Callable[[str], str], seen: Callable[[Pods], None]
) -> Iterator[Pods]:
    """The workers, by the names that a StatefulSet would give them; until the end of the block.

    Of their destinations ``wigzo`` and ``wootric`` are well but for some users, ``down`` answers nobody (its lane opens
    the breaker), and ``closed`` refuses the account (its lane holds). ``seen`` is told of each worker before it gets
    anything to do: an increase from what nobody saw is none.
    """
    topics = Topics(bootstrap)
    topic, group = topics.create(unique("events")), unique("relay")
    with vendors() as well, vendors() as ill:
        well.put_faults(*FAULTS)
        ill.put_faults(Rule(do=Status(500)))
        tables: list[Tables] = [
            kafka(topics.bootstrap, topic, group),
            wigzo(well.url, events_denied=["Numbered 0"]),
            wootric(well.url, concurrency=4),
            wigzo(ill.url, "down"),
            wigzo(well.url, "closed", settings={"org_token": "wrong"}),
        ]
        first, second = (Worker(folder, *tables, name=f"relay-segment-relay-{number}") for number in range(2))
        with first:
            seen(pods(first))
            topics.produce(topic, [*a_crowd(), MALFORMED])
            first.until_metrics(is_eventful, "all that can happen to one worker")
            with second:
                seen(pods(first, second))
                for worker in (first, second):
                    worker.until_metrics(owns_half, "half of the partitions")
                later = [a_track(user, EACH + number, name="Later") for number in range(MORE) for user in USERS]
                topics.produce(topic, later)
                second.until_metrics(lambda now: now.settled("wigzo"), "the second is at work")
                yield pods(first, second)


def pods(*workers: Worker) -> Pods:
    """By their names."""
    for worker in workers:
        worker.until_metrics(lambda _: True, "it serves its metrics")
    return {worker.config.stem: worker for worker in workers}


def is_eventful(now: Metrics) -> bool:
    """Dead letters, a user that fails, a repeat, holds."""
    return (
        {"refused", "not-json"} <= {reason for (reason,) in now.by("dead_letters_total", "reason", destination="wigzo")}
        and ("breaker", "set-up") == (now.state("down"), now.state("closed"))
        and now.value("keys_failing", destination="wigzo") == 1
        and now.value("next_give_up_timestamp_seconds", destination="wigzo") > 0
        and now.value("events_possibly_repeated_total", destination="wigzo", cause="unknown outcome") > 0
        and now.value("merged_events_count", destination="wootric") > 0
    )


def owns_half(now: Metrics) -> bool:
    """Of the topic's, and as many of each replay topic's."""
    return all(now.value("partitions_assigned", destination=name) == PARTITIONS for name in DESTINATIONS)


def address_of(worker: Worker) -> str:
    """Where it serves its metrics."""
    address: str = worker.said("admin endpoint")[-1]["address"]
    return address


def page_of(worker: Worker) -> str:
    """Its /metrics."""
    with urlopen(f"http://{address_of(worker)}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def names_on(page: str) -> set[str]:
    """The names of all series on it."""
    return set(re.findall(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)[{ ]", page, re.MULTILINE))
