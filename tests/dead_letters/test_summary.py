"""What is said of many letters, and of one."""

from __future__ import annotations

from tests.builders import ARecord
from tests.dead_letters.letters import WRITTEN, a_letter
from worker.dead_letters.letter import Place, letter_of
from worker.dead_letters.summary import Summary, printable, whole


def a_summary(*letters: ARecord, limit: int = 20, replayed: frozenset[Place] = frozenset()) -> Summary:
    summary = Summary(replayed, limit)
    for record in letters:
        summary.add(letter_of(record))
    return summary


def test_counts_come_by_reason_the_most_frequent_first() -> None:
    summary = a_summary(
        a_letter(offset=1, reason="bug"),
        a_letter(offset=2, written=WRITTEN + 60),
        a_letter(offset=3, written=WRITTEN - 60),
        replayed=frozenset({Place(2, 3)}),
    )
    assert [
        "reason   letters  replayed  first (UTC)          last (UTC)",
        "refused  2        1         2026-11-18 11:05:40  2026-11-18 11:07:40",
        "bug      1        0         2026-11-18 11:06:40  2026-11-18 11:06:40",
    ] == list(summary.counts())


def test_the_newest_are_listed_with_the_oldest_of_them_first_and_no_payload() -> None:
    letters = [a_letter(offset=offset, written=WRITTEN + offset, message_id=f"m{offset}") for offset in (3, 1, 2)]
    assert [
        "given up (UTC)       reason   status  attempts  origin         message id",
        "2026-11-18 11:06:42  refused  422     1         events/3/41/0  m2",
        "2026-11-18 11:06:43  refused  422     1         events/3/41/0  m3",
        "the newest 2 of 3; --limit shows more",
    ] == list(a_summary(*letters, limit=2).lines())


def test_a_line_says_what_is_special_about_its_letter() -> None:
    lines = list(
        a_summary(
            a_letter(offset=1),
            a_letter(offset=2, letter="2/1"),
            a_letter(None, offset=3, value="too-large"),
            replayed=frozenset({Place(2, 1), Place(2, 2)}),
        ).lines()
    )
    assert ["replayed", "replayed, refused again", "without its value"] == [line[75:] for line in lines[1:]]


def test_without_lines_there_are_only_counts() -> None:
    assert ["the newest 0 of 1; --limit shows more"] == list(a_summary(a_letter(), limit=0).lines())


def test_one_letter_is_shown_whole() -> None:
    assert [
        "given up 2026-11-18 11:06:40 UTC, dead letter 2/17 (partition/offset)",
        "  relay-reason: refused",
        "  relay-status: 422",
        "  relay-attempts: 1",
        "  relay-origin: events/3/41/0",
        "  relay-timestamp: 1770631900000",
        "  relay-message-id: m1",
        "  key: u1",
        "  value:",
        '{"type": "page"}',
        "\\xff",
    ] == shown(a_letter(b'{"type": "page"}\n\xff'))


def test_a_letter_without_its_value_says_why() -> None:
    gone = "  value: it was too large for the topic and stayed behind; relay-origin says where it was"
    assert [gone, "  value: none (a tombstone)"] == [
        shown(record)[-1] for record in (a_letter(None, value="too-large"), a_letter(None))
    ]


def shown(record: ARecord) -> list[str]:
    return list(whole(record, letter_of(record)))


def test_a_terminal_is_not_told_what_to_do_by_a_payload() -> None:
    assert "\\x1b[31mred\t\\u202e ü" == printable("\x1b[31mred\t\u202e ü")
