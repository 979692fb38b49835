"""The flame graph: what it shows is what was sampled."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.flame import sampled, stack_of
from bench.flame_graph import Box, Frame, boxes, colour, draw, fold, short
from bench.workload import Workload

SVG = "{http://www.w3.org/2000/svg}"


def test_what_a_function_called_counts_as_its_own_too() -> None:
    root = fold({("a", "b"): 3, ("a",): 1, ("c",): 2}, "all")
    assert Frame("all", 6, {"a": Frame("a", 4, {"b": Frame("b", 3)}), "c": Frame("c", 2)}) == root


def test_callees_lie_below_their_caller_the_widest_first() -> None:
    root = fold({("a",): 1, ("b", "c"): 2, ("b",): 1}, "all")
    shown = [Box("all", 0.0, 1.0, 0), Box("b", 0.0, 0.75, 1), Box("c", 0.0, 0.5, 2), Box("a", 0.75, 0.25, 1)]
    assert shown == boxes(root, 0.0)


def test_what_is_too_narrow_is_part_of_its_caller() -> None:
    root = fold({("a", "b"): 1, ("a",): 9}, "all")
    assert ["all", "a"] == [box.name for box in boxes(root, 0.2)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("worker.core.lane:Lane.answer", "lane.answer"),
        ("worker.core.decode:decode", "decode.decode"),
        ("json:loads.<locals>.parse", "json.parse"),
        ("all of it", "all of it"),
    ],
)
def test_a_frame_is_named_by_its_module_and_its_function(name: str, shown: str) -> None:
    assert shown == short(name)


def test_a_frame_has_the_colour_of_the_most_exact_part_it_is_of() -> None:
    names = ("worker.core.lane:f", "worker.runner:f", "workers:f", "mappings.wigzo.flow:f", "all of it")
    of = [colour(name) for name in names]
    assert len({*of}) == 4
    assert of[2] == of[4]


def test_each_frame_tells_what_it_costs_an_event() -> None:
    shown = [Box("all", 0.0, 1.0, 0), Box("a:f<x>", 0.0, 0.25, 1)]
    drawn = ET.fromstring(draw(shown, "One & all", 40.0))  # noqa: S314  (our own text)
    assert ["all: 40.0 µs an event, 100.0%", "a.f<x>: 10.0 µs an event, 25.0%"] == [
        title.text for title in drawn.iter(f"{SVG}title")
    ]
    frames = [rect for group in drawn.iter(f"{SVG}g") for rect in group.iter(f"{SVG}rect")]
    widths = [float(rect.attrib["width"]) for rect in frames]
    assert [1199.5, 299.5] == widths


def test_a_name_that_has_no_room_is_cut_and_a_sliver_has_none() -> None:
    shown = [Box("a" * 40, 0.0, 0.1, 0), Box("sliver", 0.0, 0.005, 1)]
    drawn = ET.fromstring(draw(shown, "t", 1.0))  # noqa: S314  (our own text)
    long, sliver = [group.findtext(f"{SVG}text") or "" for group in drawn.iter(f"{SVG}g")]
    assert long.startswith("aaa")
    assert long.endswith("…")
    assert len(long) < 20
    assert sliver == ""


def test_a_stack_is_told_outermost_first_and_without_a_path() -> None:
    def inner() -> tuple[str, ...]:
        return stack_of(sys._getframe())

    here = f"{__name__}:test_a_stack_is_told_outermost_first_and_without_a_path"
    stack = inner()
    assert (here, f"{here}.<locals>.inner") == stack[-2:]
    assert not any("/" in name for name in stack)


def test_a_signal_heeded_where_a_function_is_entered_counts_for_its_caller() -> None:
    entered: list[tuple[str, ...]] = []

    def watch(frame: FrameType, _event: str, _given: Any) -> None:
        entered.append(stack_of(frame))

    def called() -> None: ...

    before = sys.gettrace()
    sys.settrace(watch)  # told of a call while the function is at its first instruction
    called()
    sys.settrace(before)
    assert entered[0][-1].endswith("counts_for_its_caller")


def test_the_samples_of_a_run_are_of_the_worker_at_work() -> None:
    root, cost = sampled(Workload(events=3_000, users=500))
    assert root.seen > 3
    assert any(name.startswith("worker.") for name in root.calls)
    assert 1e-6 < cost < 1e-2
