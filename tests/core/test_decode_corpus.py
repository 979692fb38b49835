"""Each line of the malformed corpus by name, with what becomes of it.

"track of u-1" is an event of that type under that ordering key; everything else is the reason of a refusal.
"""

from __future__ import annotations

import base64
from pathlib import Path

import orjson
import pytest

from mappings.contract import Event
from tests.builders import a_message, a_record
from worker.core.decode import Malformed, Member, decode

CORPUS = Path(__file__).parent.parent / "data" / "malformed.jsonl.txt"
LINES = dict(line.split("\t") for line in CORPUS.read_text("ascii").splitlines())

EXPECTED: dict[str, tuple[str, ...]] = {
    "json.empty": ("not-json",),
    "json.whitespace": ("not-json",),
    "json.text": ("not-json",),
    "json.html": ("not-json",),
    "json.python_repr": ("not-json",),
    "json.cut_in_string": ("not-json",),
    "json.cut_at_end": ("not-json",),
    "json.cut_in_escape": ("not-json",),
    "json.trailing_comma": ("not-json",),
    "json.trailing_garbage": ("not-json",),
    "json.two_lines": ("not-json",),
    "json.two_glued": ("not-json",),
    "json.comment": ("not-json",),
    "json.raw_newline_in_string": ("not-json",),
    "json.nul_bytes": ("not-json",),
    "json.nul_padding": ("not-json",),
    "json.duplicate_type": ("identify of u-1",),
    "json.duplicate_user_id": ("track of u-2",),
    "json.double_encoded": ("not-an-object",),
    "json.gzip": ("bad-encoding",),
    "json.schema_id_prefix": ("not-json",),
    "json.connect_wrapper": ("no-type",),
    "json.random_bytes": ("bad-encoding",),
    "enc.utf8_bom": ("track of u-1",),
    "enc.utf16": ("bad-encoding",),
    "enc.utf16le_no_bom": ("not-json",),
    "enc.invalid_utf8": ("bad-encoding",),
    "enc.latin1": ("bad-encoding",),
    "enc.cut_utf8": ("bad-encoding",),
    "enc.overlong": ("bad-encoding",),
    "enc.cesu8": ("bad-encoding",),
    "enc.lone_high_surrogate": ("track of u-1",),
    "enc.lone_low_surrogate_id": ("track of �x",),
    "enc.lone_surrogate_key": ("track of u-1",),
    "enc.escaped_nul": ("track of a\x00b",),
    "enc.bidi_and_zero_width": ("track of u-1",),
    "enc.lone_surrogate_python_sdk": ("identify of u-surrogate",),
    "num.nan": ("track of u-1",),
    "num.nan_python_sdk": ("track of u-nan",),
    "num.infinity_python_sdk": ("track of u-inf",),
    "num.minus_infinity": ("track of a-1",),
    "num.1e999": ("track of a-1",),
    "num.int_400_digits": ("track of a-1",),
    "num.int_5000_digits": ("track of a-1",),
    "num.id_2_53_plus_1": ("track of 9007199254740993",),
    "num.id_zero": ("track of 0",),
    "num.id_float": ("track of 10234",),
    "num.id_1e21": ("track of a-1",),
    "num.leading_zero": ("not-json",),
    "num.minus_zero_price": ("track of u-1",),
    "num.long_fraction": ("track of 0.1111111111111111",),
    "shape.null": ("not-an-object",),
    "shape.true": ("not-an-object",),
    "shape.number": ("not-an-object",),
    "shape.string": ("not-an-object",),
    "shape.empty_array": ("not-an-object",),
    "shape.array_of_messages": ("not-an-object",),
    "shape.empty_object": ("no-type",),
    "shape.deep_arrays": ("not-an-object",),
    "shape.deep_arrays_open": ("too-deep",),
    "shape.deep_in_properties": ("too-deep",),
    "shape.depth_200_traits": ("identify of u-1",),
    "shape.all_null": ("no-type",),
    "shape.proto_keys": ("track of u-1",),
    "field.no_type": ("no-type",),
    "field.type_null": ("no-type",),
    "field.type_number": ("unknown-type",),
    "field.type_unknown": ("unknown-type",),
    "field.type_upper": ("unknown-type",),
    "field.type_object": ("unknown-type",),
    "field.no_event": ("no-event",),
    "field.event_empty": ("no-event",),
    "field.event_null": ("no-event",),
    "field.event_number": ("no-event",),
    "field.event_object": ("no-event",),
    "field.no_ids": ("track of nobody",),
    "field.ids_null": ("track of nobody",),
    "field.ids_empty": ("track of nobody",),
    "field.id_spaces": ("track of a-1",),
    "field.id_object": ("track of a-1",),
    "field.id_array": ("track of a-1",),
    "field.id_true": ("track of a-1",),
    "field.id_path_tricks": ("track of ../../admin?x=1#y%2e%00",),
    "field.id_crlf": ("track of u\r\nX-Bad: 1",),
    "field.no_message_id": ("track of u-1",),
    "field.message_id_number": ("track of u-1",),
    "field.message_id_object": ("track of u-1",),
    "field.properties_array": ("track of u-1",),
    "field.properties_string": ("track of u-1",),
    "field.properties_null": ("track of u-1",),
    "field.context_null": ("track of u-1",),
    "field.context_string": ("track of u-1",),
    "field.context_page_string": ("track of u-1",),
    "field.traits_array": ("identify of u-1",),
    "field.traits_null": ("identify of u-1",),
    "field.email_object": ("identify of u-1",),
    "field.email_path_tricks": ("identify of u-1",),
    "field.trait_key_brackets": ("identify of u-1",),
    "field.products_not_list": ("track of u-1",),
    "field.products_odd_members": ("track of u-1",),
    "field.product_id_null": ("track of u-1",),
    "field.group_no_group_id": ("group of u-1",),
    "field.alias_no_previous": ("alias of u-1",),
    "field.page_name_number": ("page of a-1",),
    "field.integrations_null": ("track of u-1",),
    "field.integrations_array": ("track of u-1",),
    "field.integrations_false": ("track of u-1",),
    "field.integrations_odd_values": ("track of u-1",),
    "field.integrations_two_cases": ("track of u-1",),
    "field.consent_odd_values": ("track of u-1",),
    "time.garbage": ("track of u-1",),
    "time.empty": ("track of u-1",),
    "time.number_ms": ("track of u-1",),
    "time.feb_30": ("track of u-1",),
    "time.year_10000": ("track of u-1",),
    "time.year_0": ("track of u-1",),
    "time.no_zone": ("track of u-1",),
    "time.leap_second": ("track of u-1",),
    "time.object": ("track of u-1",),
    "time.nanoseconds": ("track of u-1",),
    "time.offset_25h": ("track of u-1",),
    "time.far_future": ("track of u-1",),
    "time.created_garbage": ("identify of u-1",),
    "time.created_negative": ("identify of u-1",),
    "time.created_huge": ("identify of u-1",),
    "batch.empty": (),
    "batch.null": ("bad-batch",),
    "batch.object": ("bad-batch",),
    "batch.string": ("bad-batch",),
    "batch.odd_members": (
        "not-an-object",
        "not-an-object",
        "not-an-object",
        "not-an-object",
        "not-an-object",
        "no-type",
    ),
    "batch.one_bad_of_three": ("track of u-1", "no-event", "identify of u-1"),
    "batch.nested": ("bad-batch",),
    "batch.and_type": ("bad-batch",),
    "batch.bad_defaults": ("track of u-1",),
    "batch.cut": ("not-json",),
    "batch.same_id_twice": ("track of u-1", "track of u-1"),
    "size.string_1mb": ("identify of u-1",),
    "size.keys_10k": ("track of u-1",),
    "size.event_name_100k": ("track of u-1",),
    "size.array_20k": ("track of u-1",),
}


def value_of(tag: str) -> bytes:
    return base64.b64decode(LINES[tag])


def verdict(member: Member) -> str:
    match member:
        case Event():
            return f"{member.type} of {'nobody' if member.key.startswith(chr(0)) else member.key}"
        case Malformed():
            return member.reason
    return "tombstone"


def verdicts(value: bytes) -> tuple[str, ...]:
    return tuple(map(verdict, decode(a_record(value), "Wigzo")))


def test_the_table_has_each_line_of_the_corpus() -> None:
    assert list(EXPECTED) == list(LINES)


@pytest.mark.parametrize("tag", EXPECTED)
def test_a_line_of_the_corpus_gets_its_verdict(tag: str) -> None:
    assert EXPECTED[tag] == verdicts(value_of(tag))


def test_each_line_in_one_stream_leaves_the_next_record_unharmed() -> None:
    good = orjson.dumps(a_message())
    stream = [value for tag in LINES for value in (value_of(tag), good)]
    read = [verdicts(value) for value in stream]
    expected = [verdict for tag in LINES for verdict in (EXPECTED[tag], ("track of u1",))]
    assert expected == read


@pytest.mark.parametrize("tag", [tag for tag in LINES if tag.startswith("batch.") and len(EXPECTED[tag]) > 1])
def test_a_refused_member_travels_as_its_own_json(tag: str) -> None:
    batch = orjson.loads(value_of(tag))["batch"]
    for message, member in zip(batch, decode(a_record(value_of(tag)), "Wigzo"), strict=True):
        if isinstance(member, Malformed):
            assert orjson.dumps(message) == member.raw
