"""``segment-relay dead-letters park``: what keeps failing is given up now, by a person's decision."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlencode

from prometheus_client.parser import text_string_to_metric_families

from worker.commands.exits import Exit
from worker.commands.findings import counted
from worker.config import Settings, SetupError
from worker.settings.quantities import Address

SECONDS: Final = 10.0
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (an address that is asked, not bound)


def park(
    settings: Settings,
    only: str | None,
    admin: Address | None,
    sure: Callable[[str], bool],
    tell: Callable[[str], None],
) -> int:
    """Ask the worker on this machine; ``sure`` is asked with the count first. Raises SetupError."""
    destination = _chosen(settings, only)
    address = _asked(admin or settings.worker.admin_address)
    failing = _failing(address, destination)
    if not failing:
        tell(f"{destination}: nobody fails at this worker, so there is nothing to give up")
        return Exit.OK
    users = f"{destination}: the failing events of {counted(failing, 'user')} become dead letters"
    if not sure(f"{users}. Each of their next events then has one attempt, until one is delivered. Go on?"):
        tell("nothing was given up")
        return Exit.OK
    begun = _call(address, "POST", f"/park?{urlencode({'destination': destination})}")
    tell(f"{destination}: {counted(int(begun), 'event')} given up, with the reason parked; `list` shows them")
    return Exit.OK


def _chosen(settings: Settings, only: str | None) -> str:
    names = ", ".join(settings.destinations)
    if only is None and len(settings.destinations) > 1:
        raise SetupError([f"--destination: found nothing, expected one of {names}"])
    name = next(iter(settings.destinations)) if only is None else only
    if name not in settings.destinations:
        raise SetupError([f'--destination: found "{only}", expected one of {names}'])
    return name


def _asked(address: Address) -> Address:
    if not address.port:
        raise SetupError(
            ["worker.admin_address: its port is 0, so where the worker listens is only in its log: --admin"]
        )
    return Address(EVERYWHERE.get(address.host, address.host), address.port)


def _failing(address: Address, destination: str) -> int:
    for family in text_string_to_metric_families(_call(address, "GET", "/metrics")):
        for sample in family.samples:
            if sample.name == "segment_relay_keys_failing" and sample.labels["destination"] == destination:
                return int(sample.value)
    raise SetupError([f"the worker at {address} has no destination {destination}: is it the one of these settings?"])


def _call(address: Address, method: str, path: str) -> str:
    connection = HTTPConnection(address.host, address.port, timeout=SECONDS)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise SetupError([f"no worker answers at {address} ({type(error).__name__}); run this where it runs"]) from None
    finally:
        connection.close()
    if answer.status != 200:
        raise SetupError([f"the worker at {address} refuses: {text.strip()}"])
    return text
