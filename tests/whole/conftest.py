"""What every test of the whole worker has: a broker of either kind, and vendors of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.whole.corrected import Corrected
from tests.whole.corrected import corrected as a_corrected_worker
from tests.whole.events import a_crowd
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


@pytest.fixture(scope="session")
def corrected(apache: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corrected]:
    """One worker that began with a wrong token."""
    folder = tmp_path_factory.mktemp("corrected")
    with a_corrected_worker(Topics(apache.bootstrap), a_crowd(), folder) as found:
        yield found


@pytest.fixture
def place(request: pytest.FixtureRequest, unique: Callable[[str], str]) -> Place:
    """On Apache Kafka, or on the broker whose fixture the test names as its parameter."""
    broker: Broker | Cluster = request.getfixturevalue(getattr(request, "param", "apache"))
    topics = Topics(broker.bootstrap)
    return Place(topics, topics.create(unique("events")), unique("relay"))
