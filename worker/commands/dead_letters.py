"""``segment-relay dead-letters list`` and ``show``: what was given up, and why."""

from __future__ import annotations

from worker.adapters.cluster import KafkaRefused
from worker.commands.exits import Exit
from worker.commands.findings import counted
from worker.commands.letter_box import LetterBox, Tell, boxes, refused
from worker.config import Settings
from worker.core.records import Record
from worker.dead_letters.letter import Letter
from worker.dead_letters.selection import Selection
from worker.dead_letters.summary import Summary, whole


def list_letters(settings: Settings, only: str | None, selection: Selection, limit: int, tell: Tell) -> int:
    """Counts by reason, then a line for each of the newest. Raises SetupError, KafkaNotReached."""
    try:
        for box in boxes(settings, only):
            _list(box, selection, limit, tell)
    except KafkaRefused as error:
        raise refused(error) from None
    return Exit.OK


def _list(box: LetterBox, selection: Selection, limit: int, tell: Tell) -> None:
    name, topic = box.destination.name, box.destination.dead_letters
    if not box.exists():
        tell(f"{name}: no dead letters; the topic {topic} does not exist")
        return
    summary = Summary(box.replayed(), limit)
    for _, letter in box.letters(selection):
        summary.add(letter)
    if not summary.letters:
        tell(f"{name}: no dead letters{'' if selection.takes_all else ' of that kind'} in {topic}")
        return
    tell(f"{name}: {counted(summary.letters, 'dead letter')} in {topic}")
    for line in ("", *summary.counts(), "", *summary.lines(), ""):
        tell(line)


def show(settings: Settings, only: str | None, which: str, tell: Tell) -> int:
    """Everything about the letters of one event, named by its origin or message id. As ``list_letters`` raises."""
    found = 0
    try:
        for box in boxes(settings, only):
            for record, letter in box.letters() if box.exists() else ():
                if _is_meant(letter, which):
                    found += 1
                    _show(box, record, letter, tell)
    except KafkaRefused as error:
        raise refused(error) from None
    if not found:
        tell(f"no dead letter has the origin (topic/partition/offset/member) or the message id {which}")
    return Exit.OK


def _is_meant(letter: Letter, which: str) -> bool:
    return which in (str(letter.origin), letter.message_id)


def _show(box: LetterBox, record: Record, letter: Letter, tell: Tell) -> None:
    tell(f"{box.destination.name}:")
    for line in whole(record, letter):
        tell(line)
    tell("")
