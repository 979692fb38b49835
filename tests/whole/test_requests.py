"""What a destination without an upsert and without a batch call is asked, and how often, for one event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.whole.conftest import Place
from tests.whole.events import Record, a_track, an_identify
from tests.whole.vendors import Vendors
from tests.whole.worker import Worker, wootric

PEOPLE = tuple(f"person-{number}" for number in range(40))
LOOK_UP, CREATE, UPDATE = "end-users/look-up", "end-users/create", "end-users/update"


def a_sync(plan: str, *, whose: Sequence[str] = PEOPLE) -> list[Record]:
    """What an audience tool sends of everybody, whether or not anything has changed."""
    return [an_identify(user, traits={"email": f"{user}@mail.example", "plan": plan}) for user in whose]


def asked(sandbox: Vendors, since: int = 0) -> Counter[str]:
    """Wootric's calls by name, without the login."""
    found = Counter(arrival.operation for arrival in sandbox.arrivals("wootric", since=since))
    del found["login"]
    return found


def test_an_identify_costs_two_requests_for_a_new_user_one_for_a_changed_one_and_none_otherwise(
    place: Place, sandbox: Vendors, tmp_path: Path
) -> None:
    changed = PEOPLE[::10]
    with Worker(tmp_path, place.kafka(), wootric(sandbox.url)) as worker:
        told, so_far = 0, Counter[str]()
        for records, costs in (
            (a_sync("free"), {LOOK_UP: len(PEOPLE), CREATE: len(PEOPLE)}),
            (a_sync("free"), {}),
            ([*a_sync("free"), *a_sync("paid", whose=changed)], {UPDATE: len(changed)}),
            (a_sync("paid", whose=changed), {}),
        ):
            place.topics.produce(place.topic, records)
            told += len(records)
            worker.until_settled(told, "wootric")
            assert costs == asked(sandbox) - so_far
            so_far = asked(sandbox)
        assert 0 == worker.stop()


def test_what_waits_for_one_user_is_written_once(place: Place, sandbox: Vendors, tmp_path: Path) -> None:
    (person,) = PEOPLE[:1]
    waiting = [*a_sync("free", whose=[person]), *(a_track(person, number) for number in range(9))]
    place.topics.produce(place.topic, waiting)
    with Worker(tmp_path, place.kafka(), wootric(sandbox.url, settings={"actions": ["properties"]})) as worker:
        worker.until_settled(len(waiting), "wootric")
        assert 0 == worker.stop()
    assert {LOOK_UP: 1, CREATE: 1} == asked(sandbox)
    end_users: Any = sandbox.state()["wootric"]["end_users"]
    (end_user,) = end_users
    assert ("free", "8") == (end_user["properties"]["plan"], end_user["properties"]["number"])
