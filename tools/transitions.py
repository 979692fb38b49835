"""A lane's states as docs/transitions.md shows them, made from the worker's own table.

``python -m tools.transitions`` writes the page anew; a test fails when it is old.
"""

# ruff: noqa: INP001  (a script)

from __future__ import annotations

from pathlib import Path
from typing import Final

from worker.core.holds.states import HELD, TRANSITIONS, Signal, State

PAGE: Final = Path(__file__).parents[1] / "docs" / "transitions.md"

TEXT: Final = """\
# How a lane holds and opens

Made from `worker/core/holds/states.py` by `python -m tools.transitions`; do not edit.

While a lane *holds*, it sends nothing but probes, one at a time. What is not drawn here changes nothing: a lane that
holds for one reason does not come to hold for another, and only the hold's own signal opens it.
docs/design.md says what makes each signal, and when each hold is probed.

```mermaid
{diagram}
```

| state | holds | leaves it |
|---|---|---|
{table}
"""


def page() -> str:
    """The whole page."""
    return TEXT.format(diagram=_diagram(), table="\n".join(_row(state) for state in State))


def _diagram() -> str:
    names = [f'    state "{state}" as {_id(state)}' for state in State if _id(state) != state]
    ways = [f"    {_id(before)} --> {_id(after)}: {signal}" for (before, signal), after in TRANSITIONS.items()]
    return "\n".join(["stateDiagram-v2", *names, f"    [*] --> {_id(State.OPEN)}", *ways])


def _row(state: State) -> str:
    ways = [f"{signal} → {TRANSITIONS[state, signal]}" for signal in Signal if (state, signal) in TRANSITIONS]
    return f"| {state} | {'yes' if state in HELD else 'no'} | {'; '.join(ways)} |"


def _id(state: State) -> str:
    return state.replace(" ", "_").replace("-", "_")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
