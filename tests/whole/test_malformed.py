"""Every line of the malformed corpus, in one stream with good events, through the whole worker."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.core.test_decode_corpus import EXPECTED
from tests.whole.conftest import Place
from tests.whole.events import Record, a_track, malformed
from tests.whole.topics import Letter
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wigzo, wootric

pytestmark = pytest.mark.apache

NEIGHBOUR = "neighbour@mail.example"
# Of one user, who has had a trait of a megabyte since the line before them: Wootric's answer to a look-up is too long
# to be read, so it fails and is tried again, and the user's others wait for it. Nobody else does.
LARGE = ("size.keys_10k", "size.event_name_100k", "size.array_20k")
NOT_TO_BE_READ = {end for ends in EXPECTED.values() for end in ends if " of " not in end}
# Good to read, but of no use to Wigzo: who, or which product, is missing.
OF_NO_USE = {"no-user", "no-product-id", "no-products", "no-query"}


def test_bad_input_is_kept_with_its_reason_and_costs_its_neighbours_nothing(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    lines = malformed()
    topic = place.topics.create(f"{place.topic}-odd", partitions=1, max_message_bytes=str(8 << 20))
    place.topics.produce(topic, _between_neighbours([raw for _, raw in lines]))
    events = len(lines) + 1 + sum(map(len, EXPECTED.values()))
    with Worker(
        tmp_path, place.kafka(topics=[topic]), wigzo(sandbox.url, concurrency=32), wootric(sandbox.url, concurrency=32)
    ) as worker:
        worker.until_settled(events, "wigzo")
        metrics = worker.until_metrics(lambda now: now.settled("wootric") == events - len(LARGE))
        assert 0 == worker.stop()

    assert [(0, 0), (0, 0)] == [metrics.balance("wigzo"), metrics.balance("wootric")]
    assert len(LARGE) == metrics.pending("wootric")
    numbers = list(range(len(lines) + 1))
    arrived = sandbox.arrivals("wigzo", user=NEIGHBOUR)
    assert numbers == [arrival.body["eventval"]["number"] for arrival in arrived]
    checks = [arrival for arrival in sandbox.arrivals("wootric", user=NEIGHBOUR) if arrival.operation == "eligible"]
    assert [f"Numbered {number}" for number in numbers] == [check.body["event_name"] for check in checks]
    for name in ("wigzo", "wootric"):
        _hold_against(place.topics.read(f"{place.group}.{name}.dead-letters"), lines)


def _between_neighbours(values: list[bytes]) -> list[Record]:
    records = [a_track(NEIGHBOUR, 0, name="Numbered 0")]
    for number, value in enumerate(values, 1):
        records += [(b"odd", value), a_track(NEIGHBOUR, number, name=f"Numbered {number}")]
    return records


def _hold_against(letters: list[Letter], lines: list[tuple[str, bytes]]) -> None:
    refused: dict[str, list[str]] = {tag: [] for tag, _ in lines}
    for letter in letters:
        _, _, offset, index = letter.headers["relay-origin"].split("/")
        tag, raw = lines[int(offset) // 2]
        refused[tag].append(letter.reason)
        if letter.headers.get("relay-form") == "member":
            assert orjson.loads(raw)["batch"][int(index)] == orjson.loads(letter.value or b""), tag
        else:
            assert (b"odd", raw) == (letter.key, letter.value), tag
    demanded = {tag: [end for end in ends if " of " not in end] for tag, ends in EXPECTED.items()}
    unreadable = {tag: [reason for reason in reasons if reason in NOT_TO_BE_READ] for tag, reasons in refused.items()}
    assert demanded == unreadable
    rest = {reason for reasons in refused.values() for reason in reasons} - NOT_TO_BE_READ
    assert rest <= OF_NO_USE
