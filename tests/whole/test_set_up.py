"""Mistakes in the set-up, as somebody who starts the worker meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole.conftest import Place
from tests.whole.worker import Worker, kafka, wigzo, wootric
from worker.sandbox.processes import LOCAL, free_port

NOWHERE = "http://127.0.0.1:1"


@pytest.mark.apache
def test_a_missing_topic_and_a_new_group_without_a_beginning_are_told_together(place: Place, tmp_path: Path) -> None:
    missing = f"{place.topic}-missing"
    new = wigzo(NOWHERE, start_at=None)
    with Worker(tmp_path, place.kafka(topics=[missing, place.topic]), new, wootric(NOWHERE)) as worker:
        assert 2 == worker.ended()
    text = worker.text()
    assert f"kafka.topics: the topic {missing} does not exist" in text
    assert "destinations.wigzo.start_at" in text
    assert "destinations.wootric.start_at" not in text
    assert "Traceback" not in text


@pytest.mark.apache
def test_a_missing_topic_of_dead_letters_that_may_not_be_created_is_told_with_the_command(
    place: Place, tmp_path: Path
) -> None:
    with Worker(tmp_path, place.kafka(create_topics=False), wigzo(NOWHERE)) as worker:
        assert 2 == worker.ended()
    text = worker.text()
    assert f"the topic {place.group}.wigzo.dead-letters does not exist" in text
    assert f"--topic {place.group}.wigzo.dead-letters" in text


def test_kafka_that_is_not_there_is_waited_for_and_then_told(tmp_path: Path) -> None:
    nobody = f"{LOCAL}:{free_port()}"
    with Worker(tmp_path, kafka([nobody], "events", "relay"), wigzo(NOWHERE), options={"start_timeout": 2}) as worker:
        assert 75 == worker.ended()
    assert nobody in worker.text()
    assert "Traceback" not in worker.text()


def test_wrong_settings_are_told_all_at_once_each_with_what_is_expected_and_no_secret(tmp_path: Path) -> None:
    half = wootric("no url", settings={"client_secret": "half-of-a-pair", "client_id": ""}, concurrency=0)
    other = {"destinations.other": {"mapping": "unheard-of", "start_at": "earliest"}}
    unknown = wigzo(NOWHERE, settings={"org_token": "", "orgtoken": "misspelt-secret"}, types=["purchase"])
    slow = {"drain_timeout": 1, "log_format": "xml"}
    with Worker(tmp_path, kafka([], "events", "relay"), half, other, unknown, options=slow) as worker:
        assert 2 == worker.ended()
    text = worker.text()
    named = (
        "kafka.bootstrap_servers",
        "worker.log_format",
        "destinations.wootric.concurrency",
        "destinations.wootric.settings",
        "destinations.other.mapping",
        "destinations.wigzo.types",
        "destinations.wigzo.settings.orgtoken",
        "destinations.wigzo.settings.org_token",
    )
    assert [] == [name for name in named if name not in text]
    assert "half-of-a-pair" not in text
    assert "misspelt-secret" not in text
    assert "Traceback" not in text
