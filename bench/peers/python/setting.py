"""What every Python peer is told, by the environment, and what those that work alike share."""

from __future__ import annotations

import os

BOOTSTRAP = os.environ["BOOTSTRAP"]
TOPIC = os.environ["TOPIC"]
GROUP = os.environ["GROUP"]
URL = os.environ["URL"]
CONCURRENCY = int(os.environ.get("CONCURRENCY", "1"))

HEADERS = {"Content-Type": "application/json"}
INSTANCE = "bench"  # a static member: its partitions wait for it, and a restart need not wait for the session's end
PATIENCE = 10  # seconds for one request
FIRST_PAUSE = 0.2  # seconds, doubled for each further attempt
LONGEST_PAUSE = 5.0
SUCCESS = 300  # statuses below it

CONFLUENT = {  # confluent-kafka's options
    "bootstrap.servers": BOOTSTRAP,
    "group.id": GROUP,
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "group.instance.id": INSTANCE,
}
