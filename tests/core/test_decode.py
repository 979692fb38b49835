"""Records become events."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.contract import Event
from tests.builders import TIME, a_message, a_record
from worker.core.decode import DEEPEST, LARGEST, Malformed, Member, Tombstone, as_json, decode
from worker.core.reasons import MALFORMED

DATA = Path(__file__).parent.parent / "data"
KAFKA_TIME = 1_770_631_900.0


def members(value: object, integration: str = "Wigzo", **record: Any) -> tuple[Member, ...]:
    return decode(a_record(value, **record), integration)


def event(value: object, integration: str = "Wigzo", **record: Any) -> Event:
    (member,) = members(value, integration, **record)
    assert isinstance(member, Event)
    return member


def test_a_message_becomes_one_event() -> None:
    message = a_message(anonymousId="a1", integrations={"Wigzo": {"language": "en"}})
    expected = Event(
        type="track",
        id="m1",
        key="u1",
        time=TIME,
        message=message,
        options={"language": "en"},
        user_id="u1",
        anonymous_id="a1",
    )
    assert (expected,) == members(message)


@pytest.mark.parametrize("type_", ["identify", "track", "page", "screen", "group", "alias"])
def test_each_type_of_the_spec_is_read(type_: str) -> None:
    assert type_ == event(a_message(type=type_)).type


def test_a_tombstone_is_told_from_an_empty_value() -> None:
    assert (Tombstone(),) == members(None)
    assert (Malformed("not-json", "Expecting value, at character 0"),) == members(b"")


# --- What is no event


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"hello", Malformed("not-json", "Expecting value, at character 0")),
        (b'{"type":"track"', Malformed("not-json", "Expecting ',' delimiter, at character 15")),
        (b'{"a":"\xff"}', Malformed("bad-encoding", "not UTF-8 at byte 6")),
        ([a_message()], Malformed("not-an-object", "an array, expected an object")),
        (a_message(type=...), Malformed("no-type", "`type` is missing")),
        (a_message(type="Track"), Malformed("unknown-type", "`type` is 'Track'")),
        (a_message(type="x" * 100), Malformed("unknown-type", f"`type` is '{'x' * 40}'")),
        (a_message(type=7.5), Malformed("unknown-type", "`type` is a number")),
        (a_message(event=...), Malformed("no-event", "`event` is missing, expected a name")),
        (a_message(event=" \t"), Malformed("no-event", "`event` is empty, expected a name")),
        (a_message(event=["x"]), Malformed("no-event", "`event` is an array, expected a name")),
        ({"batch": {}}, Malformed("bad-batch", "`batch` is an object, expected an array")),
    ],
)
def test_what_is_no_event_says_why_and_names_the_field(value: object, expected: Malformed) -> None:
    assert (expected,) == members(value)


def test_only_a_track_call_needs_an_event_name() -> None:
    assert event(a_message(type="page", event=...)).type == "page"


def test_a_record_of_the_largest_size_is_read_and_a_larger_one_refused() -> None:
    whole = orjson.dumps(a_message())
    assert event(whole.ljust(LARGEST)).id == "m1"
    expected = Malformed("too-large", f"{LARGEST + 1} bytes, the limit is {LARGEST}")
    assert (expected,) == members(whole.ljust(LARGEST + 1))


def nested(levels: int) -> dict[str, Any]:
    """A message of so many levels, itself one of them."""
    value: Any = 1
    for number in range(levels - 1):
        value = [value] if number % 2 else {"a": value}
    return a_message(properties=value)


def test_the_deepest_message_is_read_and_a_deeper_one_refused() -> None:
    deepest = nested(DEEPEST)
    assert deepest == event(deepest).message
    expected = Malformed("too-deep", f"nested deeper than {DEEPEST} levels")
    assert (expected,) == members(nested(DEEPEST + 1))


def test_many_brackets_side_by_side_are_not_deep() -> None:
    wide = a_message(properties={"products": [{"n": [n]} for n in range(DEEPEST)]})
    assert wide == event(wide).message


def brackets(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_what_no_reader_gets_through_is_too_deep_all_the_same() -> None:
    refused = (Malformed("too-deep", f"nested deeper than {DEEPEST} levels"),)
    assert refused == members(b'{"type":"page","a":' + brackets(90_000) + b"}")
    assert refused == members(b'{"type":"page","a":[{},1,' + brackets(5_000) + b',"]\\"]"],"b":NaN}')


def test_what_any_reader_would_get_through_but_is_never_closed_is_too_deep() -> None:
    (refused,) = members(b'{"type":"page","a":' + b"[" * 500)
    assert Malformed("too-deep", "nested deeper than any reader goes, or never closed") == refused


@pytest.mark.parametrize("end", [b"", b'"' + b'\\"' * 1_000_000, b'"\\', b"]" * 10])
def test_what_is_deep_and_never_closed_costs_one_look(end: bytes) -> None:
    (refused,) = members(b'{"type":"page","a":' + b"[" * 5_000 + end)
    assert refused == Malformed("too-deep", "nested deeper than any reader goes, or never closed")


def test_a_bracket_too_many_is_no_json() -> None:
    (refused,) = members(b'{"a":' + brackets(5_000) + b"}]{")
    assert isinstance(refused, Malformed)
    assert refused.reason == "not-json"


def test_a_record_of_nothing_but_brackets_is_not_read_to_its_end() -> None:
    (refused,) = members(b'{"type":"page","a":[' + b"[]," * 500_000 + brackets(5_000) + b"]}")
    assert refused == Malformed("too-deep", "nested deeper than any reader goes, or never closed")


def test_the_deepest_message_can_be_written_again() -> None:
    deepest = nested(DEEPEST)
    assert deepest == json.loads(as_json(event(deepest)))


# --- JSON that only a lenient reader takes


def test_numbers_that_are_none_become_null() -> None:
    read = event(b'{"type":"identify","userId":"u1","traits":{"a":NaN,"b":-Infinity,"c":1e999,"d":[Infinity]}}')
    assert read.traits == {"a": None, "b": None, "c": None, "d": [None]}


def test_a_lone_surrogate_becomes_the_replacement_character_and_a_pair_stays() -> None:
    read = event(b'{"type":"identify","userId":"u1","traits":{"cut \\ud83d":"\\ude00x","whole":"\\ud83d\\ude00"}}')
    assert read.traits == {"cut \ufffd": "\ufffdx", "whole": "\U0001f600"}


def test_a_neighbour_of_a_nan_keeps_its_values() -> None:
    first, second = members(b'{"batch":[{"type":"page","userId":"u1","n":NaN},{"type":"page","userId":1,"p":86.0}]}')
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.message == {"type": "page", "userId": "u1", "n": None}
    assert as_json(second) == b'{"type":"page","userId":1,"p":86.0}'


def test_a_byte_order_mark_is_passed_over() -> None:
    assert a_message() == event(b"\xef\xbb\xbf" + orjson.dumps(a_message())).message


@pytest.mark.parametrize("digits", ["9" * 400, "-" + "9" * 5000, "1e400"])
def test_a_number_that_is_too_large_becomes_null(digits: str) -> None:
    assert event(f'{{"type":"page","properties":{{"n":{digits}}}}}'.encode()).properties == {"n": None}


@pytest.mark.parametrize("number", ["18446744073709551615", "99999999999999999999", "-1", "0.1", "86.0"])
def test_both_readers_agree_about_a_number(number: str) -> None:
    strictly, leniently = (
        event(f'{{"type":"page","properties":{{"n":{number}}},"x":{other}}}'.encode()).properties["n"]
        for other in ("null", "NaN")
    )
    assert repr(strictly) == repr(leniently)


# --- Ids


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("u-1", "u-1"),
        (" u-1", " u-1"),
        (10234, "10234"),
        (10234.0, "10234"),
        (0, "0"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (2**53 + 1, "9007199254740993"),
        (2.0**53, None),
        (1e21, None),
        ("", None),
        (" \u00a0\t", None),
        (None, None),
        (True, None),
        ({"$oid": "64b7"}, None),
        (["u-1"], None),
    ],
)
def test_an_id_is_text_or_a_number_that_is_exact(value: object, expected: str | None) -> None:
    read = event(a_message(userId=value, anonymousId=value))
    assert (expected, expected) == (read.user_id, read.anonymous_id)


@pytest.mark.parametrize(("value", "expected"), [("x", "x"), (12, "12"), ("", "events-3-41-0"), ({}, "events-3-41-0")])
def test_a_missing_message_id_is_made_from_the_records_place(value: object, expected: str) -> None:
    assert expected == event(a_message(messageId=value)).id


def test_members_without_message_ids_have_different_ones() -> None:
    same = a_message(messageId=...)
    assert [one.id for one in members({"batch": [same, same]})] == ["events-3-41-0", "events-3-41-1"]  # type: ignore[union-attr]


# --- Whom order is kept for


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (a_message(anonymousId="a1"), "u1"),
        (a_message(userId=None, anonymousId="a1"), "a1"),
        (a_message(userId=None), "the record's"),
        (a_message(type="alias", previousId="a1"), "a1"),
        (a_message(type="alias", previousId=17), "17"),
        (a_message(type="alias", previousId=" "), "u1"),
        (a_message(type="alias"), "u1"),
        (a_message(previousId="a1"), "u1"),
    ],
)
def test_the_ordering_key_is_the_first_that_there_is(message: dict[str, Any], expected: str) -> None:
    assert expected == event(message, key=b"the record's").key


def test_all_calls_of_a_user_share_a_key_however_the_id_is_written() -> None:
    written: list[object] = ["17", 17, 17.0]
    keys = {event(a_message(type=kind, userId=id_)).key for kind in ("identify", "track", "page") for id_ in written}
    assert {"17"} == keys


def test_an_event_of_nobody_waits_for_nobody() -> None:
    nobody = a_message(userId=None)
    first, second = members({"batch": [nobody, nobody]})
    other = event(nobody, offset=42)
    elsewhere = event(nobody, partition=4, key=b"")
    assert len({one.key for one in (first, second, other, elsewhere) if isinstance(one, Event)}) == 4


def test_a_record_key_that_is_no_text_is_a_key_all_the_same() -> None:
    assert event(a_message(userId=None), key=b"\xff\x01").key == "\\xff\x01"


# --- When it was


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-02-09T10:11:12.131Z", TIME),
        ("2026-02-09T10:11:12.131+00:00", TIME),
        ("2026-02-09T12:11:12.131000+02:00", TIME),
        ("2026-02-09T10:11:12.131", TIME),
        ("2026-02-09", datetime(2026, 2, 9, tzinfo=UTC).timestamp()),
        ("0001-01-01T00:00:00+14:00", -62135647200.0),
        ("yesterday", KAFKA_TIME),
        ("2026-12-31T23:59:60Z", KAFKA_TIME),
        ("", KAFKA_TIME),
        (1770631872131, KAFKA_TIME),
        (None, KAFKA_TIME),
    ],
)
def test_the_time_is_the_timestamps_or_kafkas(timestamp: object, expected: float) -> None:
    assert expected == event(a_message(timestamp=timestamp)).time


def test_the_original_timestamp_stands_in_for_an_unreadable_one() -> None:
    assert event(a_message(timestamp="soon", originalTimestamp="2026-02-09T10:11:12.131Z")).time == TIME


# --- The destination's options


@pytest.mark.parametrize(
    ("integrations", "context", "expected"),
    [
        ({"Wigzo": {"a": 1}}, {"Wigzo": {"b": 2}}, {"a": 1}),
        ({"Wigzo": True}, {"Wigzo": {"b": 2}}, {"b": 2}),
        ({"wigzo": {"a": 1}}, {}, {"a": 1}),
        ({}, {"wigzo": {"b": 2}}, {"b": 2}),
        ({"Wigzo": {}}, {"Wigzo": {"b": 2}}, {}),
        ({"Wootric": {"a": 1}}, {}, {}),
        (["Wigzo"], "Wigzo", {}),
        (None, None, {}),
    ],
)
def test_options_are_the_destinations_own(integrations: object, context: object, expected: object) -> None:
    assert expected == event(a_message(integrations=integrations, context=context)).options


# --- Envelopes


def test_members_keep_their_order() -> None:
    batch = [a_message(messageId=f"m{number}") for number in range(5)]
    assert [one.id for one in members({"batch": batch})] == ["m0", "m1", "m2", "m3", "m4"]  # type: ignore[union-attr]


def test_an_empty_envelope_has_no_members() -> None:
    assert members({"batch": [], "sentAt": "2026-02-09T10:11:12.131Z"}) == ()


def test_the_envelopes_defaults_fill_in_key_by_key() -> None:
    own = a_message(context={"ip": "192.0.2.1", "locale": "de"}, integrations={"Wigzo": True}, writeKey="own")
    envelope = {
        "batch": [own],
        "context": {"library": {"name": "analytics-java"}, "locale": "en"},
        "integrations": {"All": False, "Wigzo": False},
        "writeKey": "shared",
        "sentAt": "2026-02-09T10:11:12.131Z",
    }
    expected = own | {
        "context": {"library": {"name": "analytics-java"}, "locale": "de", "ip": "192.0.2.1"},
        "integrations": {"All": False, "Wigzo": True},
    }
    assert expected == event(envelope).message


@pytest.mark.parametrize("missing", [..., None, "odd"])
def test_a_member_without_objects_of_its_own_gets_the_envelopes(missing: object) -> None:
    envelope = {"batch": [a_message(context=missing, integrations=missing)], "context": {"ip": "192.0.2.1"}}
    read = event(envelope | {"integrations": {"Wigzo": {"language": "en"}}})
    assert (read.context, read.options) == ({"ip": "192.0.2.1"}, {"language": "en"})


@pytest.mark.parametrize("missing", [..., None])
def test_the_envelopes_write_key_fills_in_where_there_is_none(missing: object) -> None:
    assert event({"batch": [a_message(writeKey=missing)], "writeKey": "shared"}).message["writeKey"] == "shared"


def test_odd_defaults_change_nothing() -> None:
    message = a_message()
    assert message == event({"batch": [message], "context": 5, "integrations": [], "writeKey": None}).message


def test_a_bad_member_is_refused_alone_with_its_own_json_and_the_defaults() -> None:
    bad = {"type": "track", "userId": "u2"}
    envelope = {"batch": [a_message(messageId="m1"), bad, 7, a_message(messageId="m4")], "writeKey": "w"}
    first, second, third, fourth = members(envelope)
    no_event = Malformed(
        "no-event", "`event` is missing, expected a name", b'{"type":"track","userId":"u2","writeKey":"w"}'
    )
    assert (no_event, Malformed("not-an-object", "a number, expected an object", b"7")) == (second, third)
    assert [first.id, fourth.id] == ["m1", "m4"]  # type: ignore[union-attr]


@pytest.mark.parametrize("levels", [DEEPEST, 500, 5_000])
def test_a_deep_member_is_refused_alone_and_its_dead_letter_is_the_record(levels: int) -> None:
    whole = orjson.dumps(a_message())
    envelope = b'{"batch":[' + whole + b',{"type":"page","a":' + brackets(levels) + b"}," + whole + b"]}"
    before, refused, after = members(envelope)
    assert Malformed("too-deep", f"nested deeper than {DEEPEST} levels") == refused
    assert [a_message()] * 2 == [one.message for one in (before, after) if isinstance(one, Event)]


def test_an_envelope_inside_an_envelope_is_refused() -> None:
    inner = {"batch": [a_message()]}
    expected = Malformed("bad-batch", "`batch` is an envelope inside an envelope", orjson.dumps(inner))
    assert (expected,) == members({"batch": [inner]})


def test_a_message_that_is_an_envelope_as_well_is_refused_whole() -> None:
    expected = Malformed("bad-batch", "both `type` and `batch`: a message or an envelope, not both")
    assert (expected,) == members(a_message(batch=[a_message()]))


def test_a_batch_that_is_no_array_does_not_trouble_a_message() -> None:
    assert event(a_message(batch="autumn")).message["batch"] == "autumn"


def test_a_type_that_is_none_does_not_trouble_an_envelope() -> None:
    assert event({"type": "batch", "batch": [a_message()]}).id == "m1"


def test_a_member_alone_is_written_with_its_defaults() -> None:
    read = event({"batch": [{"type": "page", "userId": "u1"}], "writeKey": "w"})
    assert as_json(read) == b'{"type":"page","userId":"u1","writeKey":"w"}'


# --- Whatever comes


def test_each_event_of_the_real_libraries_is_read() -> None:
    singles = [line for file in sorted((DATA / "sdk").iterdir()) for line in file.read_bytes().splitlines()]
    singles += gzip.decompress((DATA / "stream.jsonl.gz").read_bytes()).splitlines()
    assert len(singles) == sum(isinstance(one, Event) for line in singles for one in members(line))
    envelopes = (DATA / "envelopes.jsonl").read_bytes().splitlines()
    read = [members(line) for line in envelopes]
    assert [len(one) for one in read] == [20, 20, 20, 15, 15, 20, 18, 6, 1, 6]
    assert all(isinstance(one, Event) for envelope in read for one in envelope)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=3), children, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "type event userId anonymousId previousId messageId timestamp originalTimestamp batch context integrations writeKey"
)
field_names = st.sampled_from(FIELDS.split())
odd_messages = st.dictionaries(field_names, json_values, max_size=6)
odd_types = odd_messages.map(lambda message: {"type": "track", "event": "x"} | message)


def is_sound(member: Member) -> bool:
    match member:
        case Event():
            return bool(member.key and member.id and json.loads(as_json(member)) == member.message)
        case Malformed():
            return member.reason in MALFORMED and len(member.detail) < 120
        case Tombstone():
            return False


@given(st.binary(max_size=200))
def test_no_bytes_raise(value: bytes) -> None:
    assert all(map(is_sound, members(value)))


@given(json_values | odd_messages | odd_types)
def test_no_json_value_raises(value: Any) -> None:
    assert all(map(is_sound, members(json.dumps(value).encode())))


@given(st.lists(json_values | odd_messages | odd_types, max_size=6), odd_messages)
def test_an_envelope_of_n_members_yields_n(batch: list[Any], defaults: dict[str, Any]) -> None:
    envelope = defaults | {"type": None, "batch": batch}
    read = members(json.dumps(envelope).encode())
    assert len(batch) == len(read)
    assert all(map(is_sound, read))


@given(st.text(min_size=1), st.binary(min_size=1, max_size=20))
def test_cut_and_damaged_messages_never_raise(name: str, damage: bytes) -> None:
    whole = json.dumps(a_message(event=name)).encode()
    at = len(name) % len(whole)
    assert all(map(is_sound, (*members(whole[:at]), *members(whole[:at] + damage + whole[at:]))))
