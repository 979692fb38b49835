"""What every test of the whole worker has: a broker of either kind, and vendors of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.whole.topics import Topics
from tests.whole.vendors import Vendors, vendors
from tests.whole.worker import Tables, kafka
from worker.sandbox.brokers import Broker, Cluster


@dataclass(frozen=True, slots=True)
class Place:
    """A broker, with a topic and a group that no other test has."""

    topics: Topics
    topic: str
    group: str

    def kafka(self, **options: object) -> Tables:
        return kafka(self.topics.bootstrap, self.topic, self.group, **options)


@pytest.fixture
def sandbox() -> Iterator[Vendors]:
    with vendors() as served:
        yield served


@pytest.fixture
def place(request: pytest.FixtureRequest, unique: Callable[[str], str]) -> Place:
    """On Apache Kafka, or on the broker whose fixture the test names as its parameter."""
    return a_place(request.getfixturevalue(getattr(request, "param", "apache")), unique("whole"))


def a_place(broker: Broker | Cluster, name: str) -> Place:
    """The topic and the group of that name."""
    topics = Topics(broker.bootstrap)
    return Place(topics, topics.create(f"{name}.events"), f"{name}.relay")
