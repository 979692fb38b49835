"""What a first search finds: kafka-python and requests, one by one; what fails is logged and passed over."""

from __future__ import annotations

import logging

import requests
from kafka import KafkaConsumer
from setting import BOOTSTRAP, GROUP, HEADERS, INSTANCE, PATIENCE, TOPIC, URL

consumer = KafkaConsumer(
    TOPIC,
    bootstrap_servers=BOOTSTRAP,
    group_id=GROUP,
    auto_offset_reset="earliest",
    auto_commit_interval_ms=1000,
    group_instance_id=INSTANCE,
)
http = requests.Session()
for record in consumer:
    try:
        http.post(URL, data=record.value, headers=HEADERS, timeout=PATIENCE).raise_for_status()
    except requests.RequestException as failure:
        logging.error("not delivered: %s", failure)  # noqa: LOG015, TRY400  (as such programs do)
