"""``segment-relay dead-letters replay``: once more to the destination that refused them, and what became of each."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from worker.adapters import cluster, replay_writer
from worker.adapters.cluster import KafkaRefused
from worker.adapters.replay_writer import Copied
from worker.adapters.topic_log import TopicLog, opened
from worker.commands.exits import Exit
from worker.commands.letter_box import LetterBox, Tell, boxes, refused
from worker.config import Settings, SetupError
from worker.dead_letters.fates import Fates
from worker.dead_letters.letter import Place, key_of, letter_of
from worker.dead_letters.newer import Newer
from worker.dead_letters.plan import Plan
from worker.dead_letters.selection import Selection
from worker.dead_letters.settled import Settled
from worker.settings.quantities import show_duration

LOOK_EVERY: Final = 0.5  # seconds between two looks at what became of them
LOOKED_AT: Final = 100_000  # records of a source's partition, where nothing depends on it


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to replay. ``rate`` is letters a second, ``wait`` seconds; 0 follows nothing."""

    everything: bool = False
    dry_run: bool = False
    again: bool = False
    skip_older: bool = False
    rate: float | None = None
    wait: float = 0.0


def replay(settings: Settings, only: str | None, selection: Selection, wishes: Wishes, tell: Tell) -> int:
    """1 where one of them is a dead letter again, or waits still. Raises SetupError, KafkaNotReached."""
    if selection.takes_all and not wishes.everything:
        raise SetupError(
            ["dead-letters replay: say which (--reason, --since, --until, --user, --message-id), or --all of them"]
        )
    try:
        return max(_replay(box, selection, wishes, tell) for box in boxes(settings, only))
    except KafkaRefused as error:
        raise refused(error) from None


def _replay(box: LetterBox, selection: Selection, wishes: Wishes, tell: Tell) -> int:
    name = box.destination.name
    if not box.exists():
        tell(f"{name}: no dead letters; the topic {box.destination.dead_letters} does not exist")
        return Exit.OK
    plan, newer = _planned(box, selection, wishes)
    for line in plan.lines():
        tell(f"{name}: {line}")
    if plan.chosen:
        _compare(box, plan, newer, wishes, tell)
    if wishes.dry_run or not plan.chosen:
        tell(f"{name}: nothing was replayed")
        return Exit.OK
    return _carry_out(box, plan, wishes, tell)


def _planned(box: LetterBox, selection: Selection, wishes: Wishes) -> tuple[Plan, Newer]:
    policy = box.destination.policy
    plan = Plan(policy, box.replayed(), wishes.again, time.time())
    newer = Newer(policy, _settled(box))
    for record, letter in box.letters():
        newer.died(letter.origin)
        if selection.takes(letter, record) and plan.add(record, letter):
            newer.letter(letter, key_of(record))
    return plan, newer


def _compare(box: LetterBox, plan: Plan, newer: Newer, wishes: Wishes, tell: Tell) -> None:
    """With what went to the destination from the source since. The whole of that where something depends on it."""
    most = sys.maxsize if wishes.skip_older else LOOKED_AT
    sources: Mapping[str, dict[int, int]] = defaultdict(dict)
    for partition, offset in newer.begins.items():
        sources[partition.topic][partition.partition] = offset
    for topic, begins in sources.items():
        with opened(box.connection, topic) as log:
            for record in log.records(begins, most=most):
                newer.see(record)
    name, outdated = box.destination.name, len(newer.outdated)
    if wishes.skip_older:
        plan.chosen -= newer.outdated
        tell(f"{name}: {outdated} left out: newer events of their users went to {name} since")
    elif outdated:
        tell(f"{name}: {outdated} of them have newer events of their users that went to {name} (--skip-older)")


def _settled(box: LetterBox) -> Settled:
    return Settled(cluster.group_commits(box.connection, box.destination.group))


def _carry_out(box: LetterBox, plan: Plan, wishes: Wishes, tell: Tell) -> int:
    name, topic = box.destination.name, box.destination.replay
    if topic not in cluster.topics(box.connection, [topic]):
        raise KafkaRefused(f"the topic {topic} does not exist: it is created when a worker of this version starts")
    fates = Fates(topic)
    with opened(box.connection, box.destination.dead_letters) as log:
        begins = log.ends()
        _write(box, plan, wishes, fates, tell)
        tell(f"{name}: {len(fates.sent)} replayed, to {topic}")
        if not wishes.wait:
            return Exit.OK
        tell(f"{name}: waiting for what becomes of them, {show_duration(wishes.wait)} at most; they go on without this")
        _follow(box, fates, log, begins, wishes.wait, tell)
    for line in fates.lines():
        tell(f"{name}: {line}")
    return Exit.OK if fates.all_well else Exit.FAILED


def _follow(box: LetterBox, fates: Fates, log: TopicLog, begins: dict[int, int], wait: float, tell: Tell) -> None:
    """Until each is settled or a letter again, for ``wait`` seconds at most. Kafka may be away meanwhile."""
    deadline = time.monotonic() + wait
    while True:
        why_not = ""
        try:
            # Looked at in this order: a dead letter is there before its event is settled. And believed in the other:
            # what is settled went well only where it is known not to be among the letters.
            settled = _settled(box)
            for record in log.records(begins):
                begins[record.partition] = record.offset + 1
                fates.given_up(letter_of(record))
            fates.committed(settled)
        except KafkaRefused as error:
            why_not = str(error)
        if (not why_not and not fates.waiting) or time.monotonic() >= deadline:
            break
        time.sleep(LOOK_EVERY)
    if why_not:
        tell(f"{box.destination.name}: {why_not}")


def _write(box: LetterBox, plan: Plan, wishes: Wishes, fates: Fates, tell: Tell) -> None:
    def written(copied: Copied) -> None:
        fates.replayed(Place(*copied.letter), Place(*copied.place))

    pace = paced(wishes.rate, time.monotonic, time.sleep)
    try:
        with (
            opened(box.connection, box.destination.dead_letters) as log,
            replay_writer.opened(box.connection, box.destination.replay, written) as writer,
        ):
            for record in log.records(plan.begins()):
                if (record.partition, record.offset) in plan.chosen:
                    pace()
                    writer.write(record)
    except KafkaRefused:
        tell(f"{box.destination.name}: {len(fates.sent)} replayed; once more, the same command replays the others")
        raise


def paced(rate: float | None, clock: Callable[[], float], sleep: Callable[[float], None]) -> Callable[[], None]:
    """What to call before each: it sleeps so long that there are ``rate`` a second at most."""
    due = clock()

    def pace() -> None:
        nonlocal due
        if rate is None:
            return
        if (wait := due - clock()) > 0:
            sleep(wait)
        due = max(due, clock()) + 1 / rate

    return pace
