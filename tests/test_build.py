"""Which build runs is told by what was loaded, not by what was asked for."""

from __future__ import annotations

import json.decoder

import uvloop.loop

from worker.build import build
from worker.core import lane


def test_an_extension_is_compiled_and_a_source_file_is_not() -> None:
    assert ("compiled", "interpreted") == (build(uvloop.loop), build(json.decoder))


def test_the_lane_tells_of_the_whole_worker() -> None:
    assert build(lane) == build()
