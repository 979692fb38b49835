"""A replayed record: its event is the one that it was, and a second dead letter of it says so."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from mappings.contract import Event, Response
from tests.builders import ARecord, a_message, a_record
from tests.core.virtual import P0, Vendor, Virtual
from worker.core.decode import Malformed, Member, decode
from worker.core.letter_headers import Header, Origin, form_of, not_ours, origin_of

Headers = Sequence[tuple[str, bytes]]
ORIGIN: Headers = [(Header.ORIGIN, b"events/3/41/2"), (Header.TIMESTAMP, b"1770631900000")]
NOBODY = {"userId": ..., "anonymousId": ..., "messageId": ..., "timestamp": ...}


def a_replay(value: object, *, key: bytes | None = None, headers: Headers = ()) -> ARecord:
    """A record of the replay topic, long after the event's own."""
    return a_record(
        value, topic="relay.replay", partition=0, offset=7, timestamp=1_799_999_999_000, key=key, headers=headers
    )


def the_event(members: tuple[Member, ...]) -> Event:
    (member,) = members
    assert isinstance(member, Event)
    return member


def test_a_replayed_event_without_ids_or_time_has_those_of_its_first_place() -> None:
    event = the_event(decode(a_replay(a_message(**NOBODY), headers=ORIGIN), "Wigzo"))
    assert ("events-3-41-2", "\0events/3/41/2", 1_770_631_900.0) == (event.id, event.key, event.time)


def test_a_replayed_event_is_the_one_that_its_envelope_held() -> None:
    first, second = a_message(**NOBODY), a_message(**NOBODY, event="Second")
    in_envelope = decode(a_record({"batch": [first, first, second]}, timestamp=1_770_631_900_000), "Wigzo")
    replayed = decode(a_replay(second, headers=[*ORIGIN, (Header.FORM, b"member")]), "Wigzo")
    assert in_envelope[2] == the_event(replayed)


def test_what_the_event_itself_says_counts_more_than_its_first_place() -> None:
    event = the_event(decode(a_replay(a_message(messageId="m9", userId="u9"), headers=ORIGIN), "Wigzo"))
    assert ("m9", "u9", 1_770_631_872.131) == (event.id, event.key, event.time)


def test_an_envelope_within_a_message_is_no_envelope_when_it_is_replayed_alone() -> None:
    replay = a_replay({"batch": [a_message()]}, headers=[*ORIGIN, (Header.FORM, b"member")])
    assert (Malformed("bad-batch", "`batch` is an envelope inside an envelope"),) == decode(replay, "Wigzo")


def test_an_envelope_that_is_replayed_for_one_message_leaves_out_its_neighbours() -> None:
    messages = [a_message(messageId=f"m{number}") for number in range(4)]
    replay = a_replay({"batch": messages}, headers=[*ORIGIN, (Header.FORM, b"envelope")])
    assert "m2" == the_event(decode(replay, "Wigzo")).id


def test_an_envelope_that_is_replayed_for_a_message_that_it_does_not_have_is_refused() -> None:
    replay = a_replay({"batch": [a_message()]}, headers=[*ORIGIN, (Header.FORM, b"envelope")])
    assert (Malformed("not-an-object", "null, expected an object"),) == decode(replay, "Wigzo")


def test_an_envelope_that_could_not_be_read_before_gives_each_message_its_own_place() -> None:
    origin = [(Header.ORIGIN, b"events/3/41/0"), ORIGIN[1]]
    found = decode(a_replay({"batch": [a_message(**NOBODY), a_message(**NOBODY)]}, headers=origin), "Wigzo")
    assert ["events-3-41-0", "events-3-41-1"] == [member.id for member in found if isinstance(member, Event)]


def test_members_are_counted_from_where_the_letter_says_that_it_was() -> None:
    record = a_replay({}, headers=ORIGIN)
    assert "events/3/41/5" == str(origin_of(record).after(3))


@pytest.mark.parametrize("said", [b"", b"events/3/41", b"events/3/-1/0", b"a b/3/41/0", b"events/3/41/2/1", b"\xff"])
def test_a_place_that_is_none_is_not_believed(said: bytes) -> None:
    record = a_replay({}, headers=[(Header.ORIGIN, said)])
    assert Origin("relay.replay", 0, 7, 0, 1_799_999_999_000) == origin_of(record)


def test_a_time_that_is_none_is_not_believed() -> None:
    record = a_replay({}, headers=[ORIGIN[0], (Header.TIMESTAMP, b"9" * 400)])
    assert Origin("events", 3, 41, 2, 1_799_999_999_000) == origin_of(record)


def test_a_form_that_is_none_is_not_believed() -> None:
    assert [None, None] == [form_of(a_replay({}, headers=said)) for said in ((), [(Header.FORM, b"odd")])]


def test_headers_with_our_names_are_ours() -> None:
    theirs = [("relay-race", b"1"), ("trace", b"2")]
    assert theirs == not_ours([theirs[0], (Header.REASON, b"x"), theirs[1], (Header.LETTER, b"0/1")])


# --- Refused again


def given(lane: Virtual, value: object, headers: Headers) -> ARecord:
    """One replayed record is read."""
    record = a_record(
        value, topic="events", partition=0, offset=7, timestamp=1_799_999_999_000, key=b"the key", headers=headers
    )
    lane.kafka.logs[P0].append(record)
    lane.kafka.ends[P0] = 8
    return record


BEFORE: Headers = [
    ("trace", b"1"),
    (Header.REASON, b"bug"),
    (Header.DETAIL, b"an error"),
    (Header.STATUS, b"500"),
    (Header.ATTEMPTS, b"9"),
    (Header.FIRST_FAILED, b"1"),
    *ORIGIN,
    (Header.MESSAGE_ID, b"m1"),
    (Header.VERSION, b"0.1.0"),
    (Header.LETTER, b"2/17"),
]


def test_a_replay_that_is_refused_keeps_its_first_place_and_has_one_set_of_headers() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(422)))
    record = given(lane, a_message(), [*BEFORE, (Header.FORM, b"member")])
    lane.finish()
    produce = lane.buried[0].produce
    assert (b"the key", record.value, b"u1") == (produce.key, produce.value, produce.ordering_key)
    assert (
        ("trace", b"1"),
        (Header.REASON, b"refused"),
        (Header.DETAIL, b"HTTP 422"),
        (Header.STATUS, b"422"),
        (Header.ATTEMPTS, b"1"),
        *ORIGIN,
        (Header.MESSAGE_ID, b"m1"),
        (Header.VERSION, b"1.2.3"),
        (Header.LETTER, b"2/17"),
        (Header.FORM, b"member"),
    ) == produce.headers


def test_a_replay_that_cannot_be_read_still_goes_as_it_came() -> None:
    lane = Virtual()
    given(lane, b"no json", BEFORE)
    lane.finish()
    said = lane.buried[0].headers
    assert (b"no json", "not-json", "events/3/41/2", "2/17") == (
        lane.buried[0].produce.value,
        said[Header.REASON],
        said[Header.ORIGIN],
        said[Header.LETTER],
    )
    assert Header.FORM not in said


def test_a_message_that_is_too_deep_to_travel_alone_says_that_its_letter_holds_the_whole_envelope() -> None:
    lane = Virtual()
    value = orjson.dumps({"batch": [a_message(), 0]}).replace(b"0]", _nested(300) + b"]")
    record = given(lane, value, ())
    lane.finish()
    assert (record.value, "too-deep", "envelope", "events/0/7/1") == (
        lane.buried[0].produce.value,
        lane.buried[0].headers[Header.REASON],
        lane.buried[0].headers[Header.FORM],
        lane.buried[0].headers[Header.ORIGIN],
    )


def _nested(levels: int) -> bytes:
    return b'{"x":' * levels + b"1" + b"}" * levels
