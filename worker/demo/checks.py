"""Whether it all came true: the worker's books, the stand-ins' record, and the same events one by one, compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from worker.demo.figures import Figures
from worker.demo.one_by_one import Ends, Expected


@dataclass(frozen=True, slots=True)
class Check:
    """One statement. ``found`` says what is there instead, where it does not hold."""

    statement: str
    holds: bool
    found: str = ""


def checks(
    figures: Mapping[str, Figures], expected: Expected, counts: Mapping[str, Any], state: Mapping[str, Any]
) -> list[Check]:
    """``counts`` and ``state`` are the sandbox's (docs/sandbox.md)."""
    found: list[Check] = []
    for name, events in expected.events.items():
        found += _of_worker(name, figures[name], events)
        found += _of_sandbox(name, figures[name], counts)
        found.append(_same_state(name, expected.state[name], state[name]))
    return found


def _of_worker(name: str, figures: Figures, events: Ends) -> Iterator[Check]:
    yield Check(f"{name}: the books balance", figures.balances(), f"off by {figures.imbalance}, {figures.pending} wait")
    settled = _without_notes(figures.settled)
    difference = {end: settled[end] - events[end] for end in sorted(settled | events) if settled[end] != events[end]}
    statement = f"{name}: each of the {events.total():,} events came to the end that it should"
    yield Check(statement, not difference, ", ".join(f"{' '.join(end)} {by:+}" for end, by in difference.items()))


def _without_notes(settled: Ends) -> Ends:
    """What is noted of a delivered event depends on its neighbours: two that change the same are one change."""
    found: Ends = Counter()
    for (outcome, reason), events in settled.items():
        found[outcome, "" if outcome == "delivered" else reason] += events
    return found


def _of_sandbox(name: str, figures: Figures, counts: Mapping[str, Any]) -> Iterator[Check]:
    answered: Counter[str] = Counter()
    for row in counts["answered"]:
        if row["destination"] == name:
            answered[row["status"]] += row["calls"]
    statement = (
        f"{name}: it received the {figures.requests:,} requests that the worker counted, and answered as counted"
    )
    yield Check(statement, answered == figures.answers, f"{dict(answered)} there, {dict(figures.answers)} here")
    overlaps = counts["overlaps"].get(name, 0)
    yield Check(f"{name}: nobody's requests overlapped", not overlaps, f"{overlaps} did")


def _same_state(name: str, expected: Mapping[str, Any], state: Mapping[str, Any]) -> Check:
    different = [part for part in expected if _comparable(expected[part], expected) != _comparable(state[part], state)]
    statement = f"{name}: everything is there once and in order, as if the events had been sent one by one"
    return Check(statement, not different, f"{', '.join(different)} differ")


def _comparable(part: Any, state: Mapping[str, Any]) -> Any:
    """A vendor numbers people and answers as they come, and who comes first of two people is nobody's promise."""
    if isinstance(part, dict):
        return part
    names = {user["id"]: _name(user) for user in state.get("end_users", ())}
    return sorted((_without_numbers(entry, names) for entry in part), key=lambda entry: entry[0])


def _name(user: Mapping[str, Any]) -> str:
    return str(user["external_id"] or user["email"] or user["phone_number"])


def _without_numbers(entry: Mapping[str, Any], names: Mapping[int, str]) -> tuple[str, Any]:
    whose = names[entry.get("end_user_id", entry["id"])]
    return whose, {name: value for name, value in entry.items() if name not in ("id", "end_user_id")}


def failures(found: Iterable[Check]) -> int:
    return sum(not check.holds for check in found)
