"""What a record may cost: whatever it holds, the lane's memory has a bound."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import orjson
import pytest

from mappings.contract import Rejected, Response
from tests.builders import ARecord, a_policy, a_record
from tests.core.virtual import P0, P1, Said, Vendor, Virtual
from worker.core.decode import LARGEST, MOST_MEMBERS, Malformed, decode
from worker.core.items import Assignment
from worker.core.ledger import Ledger
from worker.core.letters import UNDER_WAY, DeadLetter, Letters
from worker.core.records import TopicPartition
from worker.core.weight import brackets_in, weight_of

KIB, MIB = 1 << 10, 1 << 20


def a_track(**fields: object) -> dict[str, object]:
    return {"type": "track", "event": "x", "userId": "u1", **fields}


# --- Envelopes


def test_an_envelope_of_too_many_members_is_refused_whole() -> None:
    """Else a record of 1 MB could hold half a million of them, and take gigabytes."""
    refused = Malformed("bad-batch", f"{MOST_MEMBERS + 1} messages, the limit is {MOST_MEMBERS}")
    assert (refused,) == decode(a_record({"batch": [1] * (MOST_MEMBERS + 1)}), "Model")
    assert MOST_MEMBERS == len(decode(a_record({"batch": [a_track()] * MOST_MEMBERS}), "Model"))


def test_malformed_members_are_written_out_up_to_a_records_length_together() -> None:
    """Each has the envelope's defaults in it. Of the others the dead letter is the envelope."""
    context = {"text": "x" * MIB}
    found = decode(a_record({"context": context, "batch": [{"n": n} for n in range(100)]}), "Model")
    raws = [one.raw for one in found if isinstance(one, Malformed)]
    written = [raw for raw in raws if raw is not None]
    assert (100, orjson.dumps({"n": 0, "context": context})) == (len(raws), written[0])
    assert LARGEST <= sum(map(len, written)) <= LARGEST + 2 * MIB


def test_malformed_members_take_a_little_more_than_their_bytes() -> None:
    value = orjson.dumps({"batch": [1] * MOST_MEMBERS})
    assert decoded(value) < MOST_MEMBERS * 400


# --- What it weighs


def decoded(value: bytes) -> int:
    """What a decoded record takes, in bytes."""
    record = a_record(value)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = decode(record, "Model")
        after, _ = tracemalloc.get_traced_memory()
        assert kept
        return after - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "properties",
    [
        {"text": "x" * MIB},
        {"a": [[]] * 200_000},
        {"a": [{}] * 200_000},
        {"a": [{"a": 1}] * 100_000},
        {"a": [1.5] * 200_000},
        {f"p{n}": f"v{n}" for n in range(10_000)},
        {f"p{n}": n for n in range(10_000)},
    ],
    ids=["text", "empty arrays", "empty objects", "small objects", "numbers", "10,000 texts", "10,000 numbers"],
)
def test_an_event_is_weighed_as_it_will_be_decoded(properties: dict[str, object]) -> None:
    value = orjson.dumps(a_track(properties=properties))
    assert decoded(value) <= 1.5 * weight_of(a_record(value), 1, brackets_in(value)).decoded


def test_key_and_headers_weigh_what_they_are() -> None:
    bare = weight_of(a_record(a_track()), 1, 0)
    heavy = weight_of(a_record(a_track(), key=b"k" * MIB, headers=[("name", b"x" * KIB)]), 1, 0)
    beside = MIB + len("name") + KIB - len(a_record(a_track()).key or b"")
    assert (bare.kept + beside, bare.decoded + beside) == heavy


def test_records_with_huge_keys_fill_the_buffer() -> None:
    lane = Virtual(silent(), policy=a_policy(integration="Model", buffer_bytes=10 * MIB))
    for number in range(30):
        append(lane, a_record(a_track(userId=f"u{number}"), offset=number, key=b"k" * MIB))
    lane.run(10.0)
    standing = lane.lane.standing()
    assert (10, {"buffer bytes"}) == (sum(standing.pending.values()), set(standing.limited_by) & {"buffer bytes"})


def silent() -> Vendor:
    return Vendor(lambda arrival: Response(500))


def append(lane: Virtual, record: ARecord) -> None:
    lane.kafka.logs[P0].append(record)
    lane.kafka.ends[P0] = record.offset + 1


# --- What is no event


@pytest.mark.parametrize(
    ("value", "limit", "most"),
    [(b"no json", "buffer events", 20), (b"no json" + b" " * 100 * KIB, "buffer bytes", 13)],
    ids=["events", "bytes"],
)
def test_what_is_no_event_fills_the_buffer_until_the_broker_has_it(value: bytes, limit: str, most: int) -> None:
    lane = Virtual(policy=a_policy(integration="Model", buffer_events=20, buffer_bytes=10 * MIB), partitions=(P0, P1))
    well = False
    lane.broker = lambda produce, now: Said(ok=well)
    for _ in range(100):
        lane.append(value)
    lane.run(60.0)
    standing = lane.lane.standing()
    assert (most, {limit, "dead letters"}) == (sum(standing.pending.values()), set(standing.limited_by))
    well = True
    lane.finish()
    assert {("dead-lettered", "not-json"): 100} == lane.settled


def test_what_leaves_with_its_partition_is_given_back_once() -> None:
    letters = Letters("1")
    assignment = an_assignment()
    letter = a_letter(assignment, bytes=100)
    letters.write(letter)
    letters.write(a_letter(an_assignment(), bytes=10))
    assert [110, 2] == [letters.bytes, letters.events]
    assert 2 == len(list(letters.due(0.0)))
    assignment.gone = True
    letters.drop(assignment)
    letters.acknowledged(letter)
    assert [10, 1] == [letters.bytes, letters.events]


# --- Dead letters under way


def an_assignment() -> Assignment:
    return Assignment(TopicPartition("t", 0), Ledger(0))


def a_letter(of: Assignment, **fields: object) -> DeadLetter:
    return DeadLetter(of, a_record(), 0, Rejected("refused"), "", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", ["acknowledged", "failed", "gone"])
def test_no_more_bytes_are_on_their_way_to_the_broker_than_may_be(answer: str) -> None:
    letters = Letters("1")
    assignment = an_assignment()
    for _ in range(40):
        letters.write(a_letter(assignment, raw=b"x" * MIB))
    first = [produce.letter for produce in letters.due(0.0)]
    assert (UNDER_WAY // MIB, []) == (len(first), list(letters.due(0.0)))
    assignment.gone = answer == "gone"
    for letter in first[:3]:
        answers(letters, answer)(letter)
    assert 3 == len(list(letters.due(0.5)))


def answers(letters: Letters, answer: str) -> Callable[[DeadLetter], None]:
    if answer == "acknowledged":
        return letters.acknowledged
    return lambda letter: letters.failed(letter, 0.0, too_large=False)


# --- Answers


def test_a_sleeping_flow_keeps_no_body_of_its_failure() -> None:
    """10,000 sick users, and an error page of 200 KB for each, would be gigabytes."""
    lane = Virtual(Vendor(lambda arrival: Response(500, {"x-page": "y"}, b"z" * 200_000)))
    lane.write("u1")
    lane.run(1.0)
    (user,) = lane.lane._intake.assignments[P0].users.values()
    assert user.conversation is not None
    assert 500 == user.conversation.last_status
