"""A flame graph of stacks that were seen so often: folded into a tree, and drawn as SVG. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

Stack = tuple[str, ...]  # full names, the outermost first

WIDTH: Final = 1200
ROW: Final = 18
LETTER: Final = 6.3  # of 10.5 px monospace
ABOVE: Final = 44  # the title's and the legend's
COLOURS: Final = {
    "worker.core": "#f4a259",
    "worker.adapters": "#8cb369",
    "worker": "#f4e285",
    "mappings": "#f28482",
    "": "#c9c9d3",
}
NAMES: Final = {"worker": "the rest of the worker", "": "libraries, event loop"}


@dataclass(slots=True)
class Frame:
    """One function on one way to it; ``seen`` counts what it called along with itself."""

    name: str
    seen: int = 0
    calls: dict[str, Frame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Box:
    """Where a frame is drawn: from ``left``, so wide, both as shares of the whole; ``depth`` 0 is the whole."""

    name: str
    left: float
    width: float
    depth: int


def fold(stacks: Mapping[Stack, int], whole: str) -> Frame:
    """The tree of them all; its root is called ``whole``."""
    root = Frame(whole)
    for stack, seen in stacks.items():
        frame = root
        frame.seen += seen
        for name in stack:
            frame = frame.calls.setdefault(name, Frame(name))
            frame.seen += seen
    return root


def boxes(root: Frame, least: float) -> list[Box]:
    """Callees side by side below their caller, the widest first. What is narrower than ``least`` is left out."""
    return list(_boxes(root, root.seen, 0.0, 0, least))


def _boxes(frame: Frame, whole: int, left: float, depth: int, least: float) -> Iterator[Box]:
    width = frame.seen / whole
    if width < least:
        return
    yield Box(frame.name, left, width, depth)
    for callee in sorted(frame.calls.values(), key=lambda one: (-one.seen, one.name)):
        yield from _boxes(callee, whole, left, depth + 1, least)
        left += callee.seen / whole


def short(name: str) -> str:
    """``worker.core.lane.Lane.answer``, told as (module, qualified name), is ``lane.answer``."""
    module, _, function = name.partition(":")
    return f"{module.rpartition('.')[2]}.{function.rpartition('.')[2]}" if function else name


def colour(name: str) -> str:
    """By the most exact part of the program that it is of."""
    module = name.partition(":")[0]
    return next(of for part, of in COLOURS.items() if not part or f"{module}.".startswith(f"{part}."))


def draw(shown: Sequence[Box], title: str, cost: float) -> str:
    """As an SVG without scripts; ``cost`` is that of the whole, in µs an event. Hovering shows each frame's."""
    height = ABOVE + (max(box.depth for box in shown) + 1) * ROW + 4
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="monospace" font-size="10.5">',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            f'<text x="4" y="15" font-size="13">{escape(title)}</text>',
            *_legend(),
            *(_drawn(box, cost) for box in shown),
            "</svg>\n",
        ]
    )


def _legend() -> Iterator[str]:
    for place, (part, fill) in enumerate(COLOURS.items()):
        left = 4 + place * 180
        yield f'<rect x="{left}" y="24" width="12" height="12" fill="{fill}"/>'
        yield f'<text x="{left + 16}" y="34">{NAMES.get(part, part)}</text>'


def _drawn(box: Box, cost: float) -> str:
    left, top, width = box.left * WIDTH, ABOVE + box.depth * ROW, box.width * WIDTH
    room = int((width - 6) / LETTER)
    name = short(box.name)
    text = name if len(name) <= room else f"{name[: room - 1]}…" if room > 3 else ""
    told = f"{box.name.replace(':', '.')}: {box.width * cost:.1f} µs an event, {box.width:.1%}"
    return (
        f'<g><title>{escape(told)}</title><rect x="{left:.1f}" y="{top}" width="{max(width - 0.5, 0.5):.1f}" '
        f'height="{ROW - 1}" fill="{colour(box.name)}"/>'
        f'<text x="{left + 3:.1f}" y="{top + 12}">{escape(text)}</text></g>'
    )
