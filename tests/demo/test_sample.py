"""The events that the demo ships, and what should come of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from mappings.contract import Event
from tests.builders import TIME, a_message
from worker import config
from worker.core.decode import decode
from worker.demo.one_by_one import Expected, expected
from worker.demo.sample import TOPIC, Sample, records
from worker.demo.stage import CONFIG

WHOLE = 3_825


def events() -> list[Event]:
    return [member for record in records(WHOLE) for member in decode(record, "Wigzo") if isinstance(member, Event)]


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    file = tmp_path / "demo.toml"
    file.write_text(
        CONFIG.format(bootstrap="127.0.0.1:9092", topic=TOPIC, admin="127.0.0.1:0", sandbox="http://127.0.0.1:8484")
    )
    return config.load(file, {})


def played(settings: config.Settings, *given: object) -> Expected:
    sent = [Sample(b"u1", one if isinstance(one, bytes) else json.dumps(one).encode()) for one in given]
    return expected(sent, settings.destinations.values(), TIME)


def test_the_sample_has_all_types_and_the_ecommerce_events() -> None:
    types = Counter(event.type for event in events())
    assert {"identify", "track", "page", "screen", "group", "alias"} == set(types)
    names = {event.message["event"] for event in events() if event.type == "track"}
    spec = (
        "Products Searched,Product List Viewed,Product List Filtered,Promotion Viewed,Promotion Clicked,Product Clicked"
    )
    spec += ",Product Viewed,Product Added,Product Removed,Cart Viewed,Checkout Started,Checkout Step Viewed"
    spec += ",Checkout Step Completed,Payment Info Entered,Order Updated,Order Completed,Order Refunded,Order Cancelled"
    spec += ",Coupon Entered,Coupon Applied,Coupon Denied,Coupon Removed,Product Added to Wishlist"
    spec += ",Product Removed from Wishlist,Wishlist Product Added to Cart,Product Shared,Cart Shared,Product Reviewed"
    assert set() == set(spec.split(",")) - names


def test_the_sample_repeats_from_its_beginning() -> None:
    more = records(WHOLE + 2)
    assert more[:2] == more[WHOLE:]


def test_a_record_is_keyed_by_its_person_or_its_source() -> None:
    keys = {record.value[:10]: record.key for record in records(WHOLE)}
    assert keys[b"<!doctype "] is None
    assert keys[b'[{"type": '] is None
    assert keys[b'{"batch": '] == b"wk_lantern_and_loom"
    messages = [record for record in records(WHOLE) if record.value.endswith(b"}") and b'"messageId"' in record.value]
    assert all(record.key for record in messages)


def test_one_by_one_each_event_comes_to_its_end(settings: config.Settings) -> None:
    found = played(
        settings,
        a_message(type="identify", event=..., traits={"email": "ann@example.com"}),
        a_message(),
        a_message(event="Product List Viewed"),
        a_message(properties={}),
        a_message(integrations={"All": False}),
        a_message(type="alias"),
        b"not JSON",
        {"batch": [a_message(type="page"), {}]},
    )
    wigzo = {
        ("delivered", ""): 4,
        ("filtered", "integrations"): 1,
        ("skipped", "unsupported"): 1,
        ("dead-lettered", "no-product-id"): 1,
        ("dead-lettered", "not-json"): 1,
        ("dead-lettered", "no-type"): 1,
    }
    wootric = {
        ("delivered", ""): 4,
        ("filtered", "event-denied"): 1,
        ("filtered", "integrations"): 1,
        ("skipped", "unsupported"): 1,
        ("dead-lettered", "not-json"): 1,
        ("dead-lettered", "no-type"): 1,
    }
    assert {"wigzo": wigzo, "wootric": wootric} == {name: dict(ends) for name, ends in found.events.items()}
    (ann,) = found.state["wootric"]["end_users"]
    assert (ann["external_id"], ann["email"]) == ("u1", "ann@example.com")
    assert ["addtocart", "product list viewed", "view"] == [
        one["eventName"].lower() for one in found.state["wigzo"]["users"]["u1"]["events"]
    ]


def test_the_whole_sample_leaves_no_end_that_the_demo_does_not_show(settings: config.Settings) -> None:
    found = expected(records(WHOLE), settings.destinations.values(), TIME)
    for ends in found.events.values():
        assert 3_895 == ends.total()
        assert {"delivered", "filtered", "skipped", "dead-lettered"} == {outcome for outcome, _ in ends}
