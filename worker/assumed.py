"""A vendor that is only assumed, for a dry run: what it might answer, with nobody asked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from mappings.contract import Request, Response
from worker.adapters.http_message import as_json
from worker.commands.walk import ABSENT, FOUND

BYTES: Final = 32 << 20  # of what was written: whoever is forgotten counts as new once more


class Assumed:
    """Yes to everything, but nobody is known of whom nothing was written before.

    So a run counts what a real one would send: a look-up and a create for a user's first event, not for each. What a
    request writes, and where it would be found again, is what the request itself says to the worker's cache.
    """

    def __init__(self, limit: int = BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._written: OrderedDict[str, Response] = OrderedDict()
        self._created = 0

    def answer(self, request: Request) -> Response:
        """What the vendor is assumed to say."""
        if request.cached_as is not None:
            return self._written.get(request.cached_as, ABSENT)
        if not request.invalidates:
            return FOUND
        return self._write(request)

    def _write(self, request: Request) -> Response:
        known = next((self._written[key] for key in request.invalidates if key in self._written), None)
        answer = Response(200, {}, as_json({**self._before(known), **_said(request)}))
        for key in request.invalidates:
            self._remember(key, answer)
        return answer

    def _before(self, known: Response | None) -> Mapping[str, Any]:
        if known is not None:
            return known.object()
        self._created += 1
        return {"id": self._created, "properties": {}}

    def _remember(self, key: str, answer: Response) -> None:
        self._held += _size(answer) - _size(self._written.pop(key, None))
        self._written[key] = answer
        while self._held > self._limit:
            self._held -= _size(self._written.popitem(last=False)[1])


def _size(answer: Response | None) -> int:
    return len(answer.body or b"") if answer is not None else 0


def _said(request: Request) -> dict[str, Any]:
    """The fields of a request's body; ``name[key]`` of a form is the object ``name``."""
    found: dict[str, Any] = dict(request.json) if isinstance(request.json, Mapping) else {}
    for name, value in request.form or ():
        outer, bracket, inner = name.partition("[")
        if bracket:
            found[outer] = {**found.get(outer, {}), inner.rstrip("]"): value}
        else:
            found[outer] = value
    return found
