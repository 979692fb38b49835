"""Four libraries send one script: the vendors receive the same, but for what the libraries are known to differ in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.whole.conftest import Place
from tests.whole.events import by_user, script, user_of
from tests.whole.expectations import (
    SURVEYED,
    expected,
    wigzo_arrived,
    wigzo_by_line,
    wootric_arrived,
    wootric_expected,
)
from tests.whole.libraries import AT_WIGZO, at_wootric, common, in_script_order
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wigzo, wootric

pytestmark = pytest.mark.apache


@pytest.mark.parametrize("library", ["node", "browser", "java"])
def test_another_library_s_script_leaves_the_same_record(
    library: str, place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    messages = in_script_order(library)
    place.topics.produce(place.topic, by_user(messages))
    sandbox.put_eligibility(*SURVEYED)
    surveying = wootric(
        sandbox.url, settings={"email_survey_on_eligible": True}, concurrency=32
    )  # nothing is merged then
    with Worker(tmp_path, place.kafka(), wigzo(sandbox.url, concurrency=32), surveying) as worker:
        metrics = worker.until_settled(len(messages), "wigzo", "wootric")
        assert 0 == worker.stop()
    assert [(0, 0), (0, 0)] == [metrics.balance("wigzo"), metrics.balance("wootric")]
    wanted, arrived = _pairs_at_wigzo(library, messages, sandbox)
    assert wanted == arrived
    demanded, came = wootric_expected(expected("wootric")), wootric_arrived(sandbox.arrivals("wootric"))
    assert _of_each(library, demanded) == _of_each(library, came)
    ends = metrics.by("events_settled_total", "reason", destination="wootric", outcome="dead-lettered")
    without_address = {("incomplete-response",): 14} if library == "browser" else {}
    assert {("no-score",): 6, **without_address} == ends


def _pairs_at_wigzo(library: str, messages: list[bytes], sandbox: Vendors) -> tuple[list[Any], list[Any]]:
    """What was expected and what arrived, line by line, in the form that all libraries share."""
    arrived = {user: iter(requests) for user, requests in wigzo_arrived(sandbox.arrivals("wigzo")).items()}
    pairs = []
    for line, wanted in sorted(wigzo_by_line(expected("wigzo"), script("python")).items()):
        request = next(arrived[user_of(orjson.loads(messages[line - 1]))])
        pairs.append(AT_WIGZO[library](common(wanted), common(request)))
    assert [] == [request for rest in arrived.values() for request in rest], "more than was expected"
    return [wanted for wanted, _ in pairs], [request for _, request in pairs]


def _of_each(library: str, requests: dict[str, list[Any]]) -> dict[str, list[Any]]:
    found = {user: at_wootric(library, each) for user, each in requests.items()}
    return {user: each for user, each in found.items() if each}
