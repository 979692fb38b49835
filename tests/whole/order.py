"""What arrived of numbered events, held against their log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from worker.sandbox.record import Arrival

Numbers = dict[str, list[int]]


def at_wigzo(arrivals: Iterable[Arrival]) -> Numbers:
    """The numbers of each user's events that Wigzo accepted, in order of arrival."""
    found: Numbers = defaultdict(list)
    for arrival in arrivals:
        if arrival.accepted and arrival.operation == "learn/event":
            found[arrival.user].append(arrival.body["eventval"]["number"])
    return dict(found)


def at_wootric(arrivals: Iterable[Arrival]) -> Numbers:
    """The same by Wootric's eligibility checks, one of each event, whose names end in their number."""
    found: Numbers = defaultdict(list)
    for arrival in arrivals:
        if arrival.accepted and arrival.operation == "eligible":
            found[arrival.user].append(int(arrival.body["event_name"].rpartition(" ")[2]))
    return dict(found)


def faults_of(arrived: Sequence[int], events: int) -> list[str]:
    """Where a user's arrivals do not read like its log, possibly rewound: what was skipped, and what is missing."""
    found, highest = [], -1
    for number in arrived:
        if number > highest + 1:
            found.append(f"{number} came after {highest}")
        highest = max(highest, number)
    if highest != events - 1:
        found.append(f"{highest} was the last of {events}")
    return found


def repeated(arrived: Mapping[str, Sequence[int]]) -> Counter[str]:
    """How many arrivals each user has beyond each event's first; only of whom there are any."""
    return +Counter({user: len(numbers) - len(set(numbers)) for user, numbers in arrived.items()})
