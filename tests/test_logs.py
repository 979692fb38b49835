"""Log lines: their form, what they never hold, and that there are not too many."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.builders import a_record, an_event
from worker.core.effects import Note
from worker.lane_log import LaneLog
from worker.logs import Format, Guard, set_up


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging is the process's own: put back what a test set up."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def without_time(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "timestamp"}


def test_a_line_is_one_json_object_sentence_first() -> None:
    out = io.StringIO()
    set_up("json", "info", Guard(), out).info("lane is held", destination="shop", until=3.5, text="a\nb")
    (line,) = lines(out)
    assert ["timestamp", "level", "message", "destination", "until", "text"] == list(line)
    assert {
        "level": "info",
        "message": "lane is held",
        "destination": "shop",
        "until": 3.5,
        "text": "a\nb",
    } == without_time(line)


@pytest.mark.parametrize(
    ("form", "out", "is_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("json", Terminal(), True),
        ("text", io.StringIO(), False),
    ],
)
def test_lines_are_json_unless_for_a_terminal(form: Format, out: io.StringIO, is_json: bool) -> None:
    set_up(form, "info", Guard(), out).info("hello")
    assert is_json == out.getvalue().startswith("{")


def test_less_than_the_level_is_not_written() -> None:
    out = io.StringIO()
    log = set_up("json", "warning", Guard(), out)
    log.info("no")
    log.warning("yes")
    assert ["yes"] == [line["message"] for line in lines(out)]


def test_a_secret_is_taken_out_wherever_it_stands() -> None:
    out = io.StringIO()
    log = set_up("json", "info", Guard(["hunter2", "p@ss word"]), out)
    log.info("hunter2", url="https://x.example/?token=p%40ss%20word&o=p%40ss+word", parts=["hunter2"], n=1, none=None)
    assert {
        "level": "info",
        "message": "********",
        "url": "https://x.example/?token=********&o=********",
        "parts": "['********']",
        "n": 1,
        "none": None,
    } == without_time(lines(out)[0])


def test_a_secret_that_was_read_anew_is_taken_out_as_well() -> None:
    out, guard = io.StringIO(), Guard(["first-secret"])
    log = set_up("json", "info", guard, out)
    guard.add(["second-secret"])
    log.info("first-secret second-secret")
    assert "******** ********" == lines(out)[0]["message"]


def test_a_very_short_secret_does_not_riddle_the_lines() -> None:
    assert "a cat" == Guard(["a", ""]).masked("a cat")


def _failing() -> None:
    people: dict[str, str] = {}
    person = "ann@example.com"
    try:
        people[person]
    except KeyError as error:
        raise ValueError(person) from error


def test_an_exception_is_told_without_its_message() -> None:
    out = io.StringIO()
    log = set_up("json", "info", Guard(), out)
    with pytest.raises(ValueError) as caught:
        _failing()
    log.error("bug in the mapping", exc_info=caught.value)
    told = lines(out)[0]["exception"].splitlines()
    assert ["ValueError", "  KeyError"] == [line for line in told if " in " not in line]
    assert f"{__file__}:" in told[1]


def test_text_stays_on_its_line_and_draws_nothing() -> None:
    out = io.StringIO()
    set_up("text", "info", Guard(), out).info("hello", message_id="a\nb\x1b[31mc")
    assert 1 == out.getvalue().count("\n")
    assert "\x1b" not in out.getvalue()


def test_a_library_s_warning_goes_the_same_way() -> None:
    out = io.StringIO()
    set_up("json", "info", Guard(["hunter2"]), out)
    logging.getLogger("kafka.net").warning("node %s: %s", 1, "hunter2")
    logging.getLogger("aiohttp").info("not told")
    assert [
        {"level": "warning", "message": "node 1: ********", "logger": "kafka.net"},
    ] == [without_time(line) for line in lines(out)]


def test_a_warning_of_python_s_goes_the_same_way() -> None:
    out = io.StringIO()
    set_up("json", "info", Guard(), out)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", stacklevel=1)
    assert "UserWarning: old" in lines(out)[0]["message"]


def test_a_library_says_the_same_thing_once_in_ten_seconds() -> None:
    out, now = io.StringIO(), [0.0]
    set_up("json", "info", Guard(), out, clock=lambda: now[0])
    kafka = logging.getLogger("kafka.coordinator")
    for seconds in (0.0, 1.0, 9.0, 10.0):
        now[0] = seconds
        kafka.error("connection to node %s failed", seconds)
    kafka.error("something else")
    assert ["connection to node 0.0 failed", "connection to node 10.0 failed", "something else"] == [
        line["message"] for line in lines(out)
    ]


def test_kafka_s_network_has_one_line_in_ten_seconds() -> None:
    out, now = io.StringIO(), [0.0]
    set_up("json", "info", Guard(), out, clock=lambda: now[0])
    logging.getLogger("kafka.net.manager").error("Connection failed: refused")
    logging.getLogger("kafka.net.connection").error("Connection lost: refused")
    assert ["Connection failed: refused"] == [line["message"] for line in lines(out)]


def test_a_reader_that_went_away_stops_nothing() -> None:
    out = Closed()
    set_up("json", "info", Guard(), out).info("hello")
    assert "" == out.getvalue()


# --- One destination's lines


def a_note(what: str = "event is dead-lettered", **fields: Any) -> Note:
    return Note(**{"level": "warning", "what": what, "record": a_record(), "event": an_event(), **fields})


def lane_log(out: io.StringIO) -> LaneLog:
    return LaneLog(set_up("json", "info", Guard(), out), "shop")


def test_a_line_about_an_event_says_which() -> None:
    out = io.StringIO()
    lane_log(out).tell(a_note(fields={"reason": "no-query"}), 0.0)
    assert {
        "level": "warning",
        "message": "event is dead-lettered",
        "destination": "shop",
        "message_id": "m1",
        "topic": "events",
        "partition": 3,
        "offset": 41,
        "reason": "no-query",
    } == without_time(lines(out)[0])


def test_ten_lines_a_second_are_written_about_events_and_the_rest_is_counted() -> None:
    out = io.StringIO()
    log = lane_log(out)
    for number in range(25):
        log.tell(a_note(), 100 + number / 100)
    log.tell(Note("info", "lane is held"), 100.5)
    log.flush(101.0)
    log.flush(101.1)
    told = lines(out)
    assert 10 == sum(line["message"] == "event is dead-lettered" for line in told)
    assert ["lane is held", "lines about events left out"] == [line["message"] for line in told[10:]]
    assert (15, "shop") == (told[-1]["lines"], told[-1]["destination"])


def test_the_next_second_has_room_again() -> None:
    out = io.StringIO()
    log = lane_log(out)
    for number in range(11):
        log.tell(a_note(), 0.0 + number / 100)
    log.tell(a_note("again"), 1.0)
    assert ["lines about events left out", "again"] == [line["message"] for line in lines(out)[10:]]


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_a_note_keeps_its_level_and_its_error(level: str) -> None:
    out = io.StringIO()
    lane_log(out).tell(Note(level, "x", error=ValueError("ann@example.com")), 0.0)  # type: ignore[arg-type]
    assert {"level": level, "message": "x", "destination": "shop", "exception": "ValueError"} == without_time(
        lines(out)[0]
    )
