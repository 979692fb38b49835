"""A pool of threads with requests: a batch is polled, sent, waited for and committed. No order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import requests
from confluent_kafka import Consumer
from requests.adapters import HTTPAdapter
from setting import CONCURRENCY, CONFLUENT, FIRST_PAUSE, HEADERS, LONGEST_PAUSE, PATIENCE, TOPIC, URL
from urllib3.util import Retry

BATCH = 500
RETRY = Retry(
    total=1_000_000,
    backoff_factor=FIRST_PAUSE,
    backoff_max=LONGEST_PAUSE,
    status_forcelist=[429, 500, 502, 503, 504],
    allowed_methods=None,
)
own = threading.local()


def session() -> requests.Session:
    """This thread's."""
    if not hasattr(own, "session"):
        own.session = requests.Session()
        own.session.mount("http://", HTTPAdapter(max_retries=RETRY))
    return own.session


def send(body: bytes) -> None:
    session().post(URL, data=body, headers=HEADERS, timeout=PATIENCE).raise_for_status()


consumer = Consumer(CONFLUENT)
consumer.subscribe([TOPIC])
with ThreadPoolExecutor(CONCURRENCY) as pool:
    while True:
        batch = [message.value() for message in consumer.consume(BATCH, 0.2) if not message.error()]
        if batch:
            list(pool.map(send, batch))
            consumer.commit(asynchronous=False)
