"""Dead letters: the original bytes, what is said of them, and their acknowledgement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson

from mappings.contract import Credentials, Event, Flow, Login, Rejected, Request, Response
from tests.builders import ARecord, a_record
from tests.core.virtual import HOUR, MINUTE, P0, START, TIMEOUT, Answer, Arrival, Said, Vendor, Virtual
from tests.simulation.destination import DESTINATION, HOST
from worker.core.items import Assignment
from worker.core.ledger import Ledger
from worker.core.letters import DeadLetter, Letters
from worker.core.records import TopicPartition

Headers = Sequence[tuple[str, bytes]]


def refusing(status: int = 400, body: bytes = b"") -> Vendor:
    return Vendor(lambda arrival: Response(status, {}, body))


def given(lane: Virtual, value: object, *, key: bytes | None = b"the key", headers: Headers = ()) -> ARecord:
    """One record is read."""
    record = a_record(
        value, topic="events", partition=0, offset=7, timestamp=1_799_999_999_000, key=key, headers=headers
    )
    lane.kafka.logs[P0].append(record)
    lane.kafka.ends[P0] = 8
    return record


def a_message(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "event": "x", "userId": "u1", "messageId": "m1", **fields}


SAID = (
    ("relay-origin", b"events/0/7/0"),
    ("relay-timestamp", b"1799999999000"),
)


def test_a_refused_record_goes_as_it_came_with_what_happened_in_headers() -> None:
    lane = Virtual(refusing(422))
    value = b' {"messageId":"m1", "type":"track","event":"x","userId":"u1"}\n'
    given(lane, value, headers=[("trace", b"\xff\x00"), ("trace", b"2")])
    lane.finish()
    produce = lane.buried[0].produce
    assert (b"the key", value, b"u1") == (produce.key, produce.value, produce.ordering_key)
    assert (
        ("trace", b"\xff\x00"),
        ("trace", b"2"),
        ("relay-reason", b"refused"),
        ("relay-detail", b"HTTP 422"),
        ("relay-status", b"422"),
        ("relay-attempts", b"1"),
        *SAID,
        ("relay-message-id", b"m1"),
        ("relay-version", b"1.2.3"),
    ) == produce.headers


def test_an_envelopes_member_travels_alone_with_the_envelopes_defaults() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(400) if arrival.key == "u2" else None))
    members = [a_message(), a_message(userId="u2", messageId="m2", context={"ip": "192.0.2.1"})]
    given(lane, {"batch": members, "context": {"library": {"name": "x"}}, "writeKey": "w"})
    lane.finish()
    produce = lane.buried[0].produce
    assert produce.value is not None
    assert {**members[1], "context": {"library": {"name": "x"}, "ip": "192.0.2.1"}, "writeKey": "w"} == orjson.loads(
        produce.value
    )
    assert (b"the key", b"u2") == (produce.key, produce.ordering_key)
    assert (
        ("relay-reason", b"refused"),
        ("relay-detail", b"HTTP 400"),
        ("relay-status", b"400"),
        ("relay-attempts", b"1"),
        ("relay-origin", b"events/0/7/1"),
        ("relay-timestamp", b"1799999999000"),
        ("relay-message-id", b"m2"),
        ("relay-version", b"1.2.3"),
        ("relay-form", b"member"),
    ) == produce.headers


def test_an_envelope_of_one_member_goes_as_it_came() -> None:
    lane = Virtual(refusing())
    value = orjson.dumps({"batch": [a_message()], "writeKey": "w"})
    given(lane, value)
    lane.finish()
    assert (value, "m1") == (lane.buried[0].produce.value, lane.buried[0].headers["relay-message-id"])
    assert "relay-form" not in lane.buried[0].headers


def test_a_malformed_record_goes_as_it_came() -> None:
    lane = Virtual()
    given(lane, b"no json", headers=[("trace", b"1")])
    lane.finish()
    produce = lane.buried[0].produce
    assert (b"the key", b"no json", b"the key") == (produce.key, produce.value, produce.ordering_key)
    assert (
        ("trace", b"1"),
        ("relay-reason", b"not-json"),
        ("relay-detail", dict(produce.headers)["relay-detail"]),
        ("relay-attempts", b"0"),
        *SAID,
        ("relay-version", b"1.2.3"),
    ) == produce.headers
    assert b"not-json" != dict(produce.headers)["relay-detail"]


def test_a_malformed_member_goes_alone_and_costs_its_neighbours_nothing() -> None:
    lane = Virtual()
    given(lane, {"batch": [a_message(), {"userId": "u2"}, 3], "writeKey": "w"}, key=None)
    lane.finish()
    assert [
        (b'{"userId":"u2","writeKey":"w"}', "no-type", "events/0/7/1", "member"),
        (b"3", "not-an-object", "events/0/7/2", "member"),
    ] == [
        (one.produce.value, one.headers["relay-reason"], one.headers["relay-origin"], one.headers["relay-form"])
        for one in lane.buried
    ]
    assert [None, None] == [one.produce.ordering_key for one in lane.buried]
    assert (["m1"], 8) == (lane.vendor.ids, lane.committed())


def test_a_dead_letter_that_is_too_large_goes_without_its_value_at_once() -> None:
    lane = Virtual(refusing())
    lane.broker = lambda produce, now: Said(ok=produce.value is None, too_large=True)
    given(lane, a_message())
    assert lane.finish() < 1.0
    produce = lane.buried[0].produce
    assert (None, b"the key", ("relay-value", b"too-large")) == (produce.value, produce.key, produce.headers[-1])
    assert {("dead-lettered", "refused"): 1} == lane.settled


def test_a_member_that_is_too_large_goes_without_its_value_and_says_so_alone() -> None:
    lane = Virtual(refusing())
    lane.broker = lambda produce, now: Said(ok=produce.value is None, too_large=True)
    given(lane, {"batch": [a_message(), a_message(messageId="m2")]})
    lane.finish()
    assert [{"relay-value": "too-large"}] * 2 == [
        {name: value for name, value in one.headers.items() if name in ("relay-value", "relay-form")}
        for one in lane.buried
    ]


def test_what_is_too_large_even_without_its_value_is_tried_again_with_patience() -> None:
    tries: list[float] = []

    def broker(produce: object, now: float) -> Said:
        tries.append(now - START)
        return Said(ok=False, too_large=True)

    lane = Virtual(refusing())
    lane.broker = broker
    given(lane, a_message())
    lane.run(10 * MINUTE)
    assert len(tries) < 30
    assert ({}, {"dead letters"}) == (lane.settled, set(lane.lane.standing().limited_by))


def test_nothing_is_settled_until_the_broker_has_it_and_its_user_waits() -> None:
    lane = Virtual(Vendor(lambda arrival: Response(400) if arrival.ids == ["e1"] else None))
    lane.broker = lambda produce, now: Said(ok=now > START + 100)
    lane.write("u1")
    lane.write("u1")
    lane.write("u2")
    lane.run(60.0)
    assert (["e3"], 0) == (lane.vendor.ids, lane.committed())
    standing = lane.lane.standing()
    assert ({"dead-lettering": 1, "behind its user": 1}, {"dead letters"}) == (
        standing.pending,
        set(standing.limited_by),
    )
    assert "dead letter not written" in lane.notes
    lane.finish()
    assert (["e3", "e2"], {"e1": "refused"}, 3) == (lane.vendor.ids, lane.dead, lane.committed())


def test_a_broker_that_refuses_is_asked_again_after_1_2_4_and_at_most_30_seconds() -> None:
    tries: list[float] = []

    def broker(produce: object, now: float) -> Said:
        tries.append(now)
        return Said(ok=False)

    lane = Virtual()
    lane.broker = broker
    lane.append(b"no json")
    lane.run(HOUR)
    waits = [round(after - before) for before, after in pairwise(tries)]
    assert [1, 2, 4, 8, 16] + [30] * (len(waits) - 5) == waits


def test_the_first_failure_of_an_event_that_is_refused_later_is_told() -> None:
    answers: Iterator[Answer] = iter([TIMEOUT, Response(400)])
    lane = Virtual(Vendor(lambda arrival: next(answers)))
    given(lane, a_message())
    lane.finish()
    said = lane.buried[0].headers
    assert ("2", str(round((START + 0.05) * 1000))) == (said["relay-attempts"], said["relay-first-failed"])


def test_personal_data_and_secrets_are_masked_in_the_detail() -> None:
    """What a vendor says repeats what it was sent."""

    def translate(event: Event, account: object) -> Flow:
        yield Request("POST", f"{HOST}/users/u", "track", json={"ids": [event.id]})
        return Rejected("refused", "ann@example.com knows hunter22, call +1-555-0100")

    lane = Virtual(destination=replace(DESTINATION, translate=translate), secrets=("hunter22",))
    given(lane, a_message(userId="ann@example.com"))
    lane.finish()
    assert "… knows …, call …" == lane.buried[0].headers["relay-detail"]


def test_a_logins_token_is_masked_in_the_detail() -> None:
    def translate(event: Event, account: object) -> Flow:
        answer = yield Request("POST", f"{HOST}/users/u", "track", json={"ids": [event.id]})
        return Rejected("refused", f"no {answer.body!r}")

    def answered(arrival: Arrival) -> Answer | None:
        token = arrival.send.headers.get("authorization", "").removeprefix("Bearer ")
        return Response(400, {}, f"{token} is old".encode()) if token else None

    destination = replace(DESTINATION, translate=translate, login=log_in_with("token-hushhush"))
    lane = Virtual(Vendor(answered), destination=destination)
    given(lane, a_message())
    lane.finish()
    assert "no b'… is old'" == lane.buried[0].headers["relay-detail"]


def log_in_with(token: str) -> Callable[[object], Login]:
    def log_in(_account: object) -> Login:
        yield Request("POST", f"{HOST}/login", "login", json={}, login=False)
        return Credentials({"authorization": f"Bearer {token}"})

    return log_in


def test_the_letters_of_a_partition_that_is_gone_are_forgotten_and_no_others() -> None:
    letters = Letters("1")
    here, there = (Assignment(TopicPartition("t", number), Ledger(0)) for number in range(2))

    def a_letter(of: Assignment) -> DeadLetter:
        letters.write(DeadLetter(of, a_record(), 0, Rejected("refused"), ""))
        return letters._out[-1]

    refused = [a_letter(here), a_letter(there)]
    assert refused == [one.letter for one in letters.due(0.0)]
    for letter in refused:
        letters.failed(letter, 0.0, too_large=False)
    fresh = [a_letter(here), a_letter(there)]
    letters.drop(there)
    assert 2 == letters.waiting
    assert [fresh[0], refused[0]] == [one.letter for one in letters.due(1.0)]


def test_nothing_of_the_event_is_in_a_letters_repr() -> None:
    lane = Virtual(refusing())
    given(lane, a_message(userId="ann@example.com"))
    lane.finish()
    produce = lane.buried[0].produce
    assert "ann" not in repr(produce) + repr(produce.letter)
