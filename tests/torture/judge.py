"""What arrived at one vendor, held against Kafka's log, the dead letters and the commits. Pure.

The log is the truth of what was produced, and the topic of commits the truth of what was committed when. Times are Unix
seconds of one machine's clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from worker.core.offset_map import OffsetMap

Place: TypeAlias = tuple[int, int]  # partition and offset
UNEXPLAINED: Final = "unexplained"
LOST_ANSWER: Final = "lost answer"
FROZEN: Final = "frozen"
TAKEN_APART: Final = "merge taken apart"
# Seconds between an event's request and a later one of the same merge that fails: it may have fifty.
WITHIN_A_MERGE: Final = 10.0
# Between the moment in which a vendor accepts and the one in which its clock is read, or the broker's: never more than
# this, however busy the machine is.
CLOCKS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Logged:
    """One record. ``number``: which of its user's events, from 0; ``None`` for one that no vendor can be sent."""

    user: str
    number: int | None
    place: Place


@dataclass(frozen=True, slots=True)
class Came:
    """An event that the vendor has settled: accepted, or refused for good. ``lost``: the worker cannot have known."""

    user: str
    number: int
    at: float
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """What the broker took for one partition."""

    at: float
    partition: int
    offset: int
    settled: OffsetMap

    def covers(self, offset: int) -> bool:
        return offset < self.offset or self.settled.settles(offset)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that may make an event come twice, and until when its effects last."""

    cause: str
    begin: float
    until: float


@dataclass(frozen=True, slots=True)
class Repeat:
    """An arrival beyond an event's first, and the one before it."""

    before: Came
    again: Came
    cause: str

    def __str__(self) -> str:
        return f"{_name(self.again)} came at {self.before.at:.3f} and again at {self.again.at:.3f}: {self.cause}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that is in ``violations`` must not be."""

    events: int
    letters: int
    lost: tuple[str, ...] = ()
    disordered: tuple[str, ...] = ()
    repeated: tuple[Repeat, ...] = ()
    resent: tuple[str, ...] = ()  # after a commit had said that it is settled
    early: tuple[str, ...] = ()  # committed before it was settled
    at_once: tuple[str, ...] = ()  # two calls about one user

    @property
    def repeats(self) -> Counter[str]:
        """How many, by cause."""
        return Counter(each.cause for each in self.repeated)

    def repeated_by(self, *causes: str) -> list[str]:
        return [str(each) for each in self.repeated if each.cause in causes]

    @property
    def violations(self) -> tuple[str, ...]:
        return (*self.lost, *self.disordered, *self.resent, *self.early, *self.at_once, *self.repeated_by(UNEXPLAINED))


def judge(
    log: Iterable[Logged],
    came: Iterable[Came],
    letters: Collection[Place],
    commits: Iterable[Commit],
    incidents: Sequence[Incident],
    failures: Iterable[tuple[str, float]] = (),
    overlaps: Iterable[tuple[str, float]] = (),
) -> Verdict:
    """``came`` in the order of arrival, ``commits`` in the order of the broker's log, ``incidents`` by weight: the
    first that fits is the cause.

    ``failures``: whose calls went wrong when, at a vendor where consecutive events of a user may share a flow. Where
    one of them fails they are sent anew, one by one. ``overlaps``: whose calls came when while another one of the same
    user was open; which nobody can help where its sender was frozen.
    """
    by_user = _by_user(log)
    arrivals = _arrivals(came)
    first = _first_committed(by_user, commits)
    failed = _by_name(failures)
    pairs = [pair for user, entries in by_user.items() for pair in _repeats(entries, arrivals.get(user, []))]
    return Verdict(
        events=sum(map(len, by_user.values())),
        letters=len(letters),
        lost=tuple(_lost(by_user, arrivals, letters)),
        disordered=tuple(
            fault for user, entries in by_user.items() for fault in _faults(entries, arrivals.get(user, []), letters)
        ),
        repeated=tuple(Repeat(before, again, _cause(before, again, incidents, failed)) for before, again in pairs),
        resent=tuple(_resent(by_user, arrivals, first)),
        early=tuple(_early(by_user, arrivals, first, letters)),
        at_once=tuple(_at_once(overlaps, [each for each in incidents if each.cause == FROZEN])),
    )


def _by_user(log: Iterable[Logged]) -> dict[str, list[Logged]]:
    found: dict[str, list[Logged]] = defaultdict(list)
    for each in sorted(log, key=lambda logged: logged.place):
        found[each.user].append(each)
    return found


def _arrivals(came: Iterable[Came]) -> dict[str, list[Came]]:
    found: dict[str, list[Came]] = defaultdict(list)
    for each in came:
        found[each.user].append(each)
    return found


def _at_once(overlaps: Iterable[tuple[str, float]], frozen: Sequence[Incident]) -> Iterator[str]:
    for user, at in overlaps:
        if not any(each.begin <= at <= each.until for each in frozen):
            yield f"{user} had two calls at once at {at:.3f}"


def _by_name(failures: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for user, at in failures:
        found[user].append(at)
    return found


def _name(event: Came | Logged) -> str:
    return f"{event.user} {event.number}"


def _lost(
    by_user: Mapping[str, list[Logged]], arrivals: Mapping[str, list[Came]], letters: Collection[Place]
) -> Iterator[str]:
    for user, entries in by_user.items():
        had = {each.number for each in arrivals.get(user, [])}
        for each in entries:
            if each.place not in letters and (each.number is None or each.number not in had):
                yield f"{_name(each)} (partition and offset {each.place}) is lost"


def _faults(entries: Sequence[Logged], arrived: Sequence[Came], letters: Collection[Place]) -> Iterator[str]:
    """A user's arrivals read like its log, possibly rewound, never skipped; but for those that are dead letters."""
    order = {each.number: position for position, each in enumerate(entries) if each.number is not None}
    reached = -1
    for each in arrived:
        position = order[each.number]
        skipped = [entry for entry in entries[reached + 1 : position] if entry.place not in letters]
        if skipped:
            yield f"{_name(each)} came before {_name(skipped[0])}"
        reached = position


def _repeats(entries: Iterable[Logged], arrived: Iterable[Came]) -> Iterator[tuple[Came, Came]]:
    """Each arrival beyond an event's first, with the one before it."""
    latest: dict[int, Came] = {}
    for each in arrived:
        if each.number in latest:
            yield latest[each.number], each
        latest[each.number] = each


def _cause(before: Came, again: Came, incidents: Iterable[Incident], failed: Mapping[str, Sequence[float]]) -> str:
    if before.lost:
        return LOST_ANSWER
    until = min(again.at, before.at + WITHIN_A_MERGE)
    if any(before.at <= at <= until for at in failed.get(before.user, ())):
        return TAKEN_APART
    fitting = (each.cause for each in incidents if each.begin <= again.at and before.at <= each.until)
    return next(fitting, UNEXPLAINED)


def _first_committed(by_user: Mapping[str, Iterable[Logged]], commits: Iterable[Commit]) -> dict[Place, float]:
    """When each event was first said to be settled."""
    waiting: dict[int, set[int]] = defaultdict(set)
    for entries in by_user.values():
        for entry in entries:
            waiting[entry.place[0]].add(entry.place[1])
    first: dict[Place, float] = {}
    for commit in commits:
        covered = {offset for offset in waiting[commit.partition] if commit.covers(offset)}
        waiting[commit.partition] -= covered
        first |= {(commit.partition, offset): commit.at for offset in covered}
    return first


def _resent(
    by_user: Mapping[str, Iterable[Logged]], arrivals: Mapping[str, Iterable[Came]], first: Mapping[Place, float]
) -> Iterator[str]:
    never = float("inf")
    for user, entries in by_user.items():
        committed = {each.number: first.get(each.place, never) for each in entries}
        for each in arrivals.get(user, []):
            if each.at > committed[each.number] + CLOCKS:
                yield f"{_name(each)} came {each.at - committed[each.number]:.2f} s after it had been committed"


def _early(
    by_user: Mapping[str, Iterable[Logged]],
    arrivals: Mapping[str, Iterable[Came]],
    first: Mapping[Place, float],
    letters: Collection[Place],
) -> Iterator[str]:
    for user, entries in by_user.items():
        settled: dict[int, float] = {}
        for each in arrivals.get(user, []):
            settled.setdefault(each.number, each.at)
        for entry in entries:
            if entry.place in first and entry.place not in letters and entry.number in settled:
                ahead = settled[entry.number] - first[entry.place]
                if ahead > CLOCKS:
                    yield f"{_name(entry)} was committed {ahead:.2f} s before it was settled"
