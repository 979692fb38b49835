"""A worker whose secret file is wrong at first: its lane holds, the file is corrected, and it goes on by itself.

A refused set-up is tried once a minute. So this one begins with the first test that names it, runs beside the others,
and is looked at by the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.whole.events import Record
from tests.whole.metrics import Metrics
from tests.whole.topics import Topics
from tests.whole.vendors import Vendors, vendors
from tests.whole.worker import Worker, kafka, wigzo

WRONG = "wrong-org-token-4711"
RIGHT = "sandbox-org-token"


@dataclass(frozen=True, slots=True)
class Corrected:
    """``held`` is what the worker said of itself before the file was corrected."""

    worker: Worker
    sandbox: Vendors
    held: Metrics


@contextmanager
def corrected(topics: Topics, events: list[Record], folder: Path) -> Iterator[Corrected]:
    """Until the end of the block. Its topic is called ``corrected``: there is one."""
    topic = topics.create("corrected")
    topics.produce(topic, events)
    token = folder / "org-token"
    token.write_text(f"{WRONG}\n")
    with vendors() as sandbox:
        secret = wigzo(sandbox.url, settings={"org_token": None, "org_token_file": str(token)})
        with Worker(folder, kafka(topics.bootstrap, topic, "corrected"), secret) as worker:
            held = worker.until_metrics(_has_probed, "the lane holds")
            token.write_text(f"{RIGHT}\n")
            yield Corrected(worker, sandbox, held)


def _has_probed(now: Metrics) -> bool:
    """It holds, and its first probe, which goes out at once, is over: two refusals led to the hold."""
    return now.state("wigzo") == "set-up" and now.value("requests_total", status="401") > 2
