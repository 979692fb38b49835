"""What a running worker says of itself."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from worker.metrics import PREFIX


@dataclass(frozen=True, slots=True)
class Admin:
    """The admin port of one worker: ``url`` without a slash at its end."""

    url: str

    @property
    def ready(self) -> bool:
        return bool(got(f"{self.url}/readyz"))

    def total(self, metric: str, destination: str, *, without: str = "") -> int:
        """The sum of a metric's series of one destination, without those of an operation.

        0 where there is none, or nobody answers.
        """
        return sum(
            int(sample.value)
            for family in text_string_to_metric_families(got(f"{self.url}/metrics").decode())
            for sample in family.samples
            if sample.name == PREFIX + metric
            and sample.labels.get("destination") == destination
            and sample.labels.get("operation", " ") != without
        )


def got(url: str) -> bytes:
    """The body; nothing where nobody answers, or not well."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  (the loopback's own)
            return bytes(answer.read())
    except OSError:
        return b""
