"""Log lines: one JSON object a line in a container, readable text on a terminal. The libraries' lines go the same way.

Nothing is written for a success, and no line holds a secret or personal data: exceptions appear as their type and
where they were raised, since their messages may quote an event.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from worker.settings.masking import SECRET, pattern, spellings

Format = Literal["auto", "json", "text"]
CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]|\n(?!  )")
NETWORK: Final = "kafka.net"
QUIET_FOR: Final = 10.0  # seconds in which a library says the same thing once


class Guard:
    """The last guard: takes every known secret out of a line, however it got there and is written."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """More of them: a secret file was read anew."""
        for secret in secrets:
            self._known |= spellings(secret)
        self._pattern = pattern(self._known)

    def masked(self, text: str) -> str:
        return self._pattern.sub(SECRET, text) if self._pattern else text

    def __call__(self, _logger: Any, _method: str, line: EventDict) -> EventDict:
        return {name: self._value(value) for name, value in line.items()}

    def _value(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.masked(value if isinstance(value, str) else str(value))


def set_up(
    form: Format, level: str, guard: Guard, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> FilteringBoundLogger:
    """The worker's logger, on standard error. From now on the libraries' warnings go there, too."""
    out = sys.stderr if stream is None else stream
    text = form == "text" or (form == "auto" and out.isatty())
    before: list[Processor] = [structlog.processors.add_log_level, _timestamp, _without_messages, guard]
    last = _text(colors=out.isatty()) if text else _json()
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers = [_library_handler(out, before, last, clock)]
    root.setLevel(logging.WARNING)
    logger: FilteringBoundLogger = structlog.wrap_logger(
        Lines(out),
        processors=[*before, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger


class Lines:
    """Where lines go, at once. A reader that went away (a closed pipe) stops no worker."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _json() -> list[Processor]:
    return [_sentence_first, structlog.processors.JSONRenderer(_dumps)]


def _sentence_first(_logger: Any, _method: str, line: EventDict) -> EventDict:
    said = {"timestamp": line.pop("timestamp"), "level": line.pop("level"), "message": line.pop("event")}
    return {**said, **line}


def _dumps(line: EventDict, **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()


def _text(*, colors: bool) -> list[Processor]:
    return [_on_one_line, structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, sort_keys=False)]


def _on_one_line(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """No event can draw on somebody's terminal, or begin a line of its own; a traceback keeps its indented lines."""
    return {name: CONTROL.sub(" ", value) if isinstance(value, str) else value for name, value in line.items()}


def _timestamp(_logger: Any, _method: str, line: EventDict) -> EventDict:
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return {"timestamp": f"{stamp}.{int(now * 1000) % 1000:03d}Z", **line}


def _without_messages(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """An exception as its type and its frames; its message may quote an event."""
    found = line.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        line["exception"] = "\n  ".join(line for each in _causes(error) for line in _frames(each))
    return line


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what led to it."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)


def _frames(error: BaseException) -> Iterator[str]:
    yield type(error).__name__
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"


# --- What libraries say


def quiet() -> None:
    """Not a word from the libraries: for commands whose own lines say it all."""
    logging.getLogger().handlers = [logging.NullHandler()]


def _library_handler(
    out: TextIO, before: list[Processor], last: list[Processor], clock: Callable[[], float]
) -> logging.Handler:
    handler = logging.StreamHandler(out)
    keep = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name], processors=[keep, *before, *last], logger=None
        )
    )
    handler.addFilter(Quieter(clock))
    return handler


def _topic(record: logging.LogRecord) -> tuple[str, str]:
    """What a line is about: lines of one topic say the same thing."""
    if record.name.startswith(NETWORK):
        return (NETWORK, "")
    # Python's own warnings are all "%s".
    return (record.name, record.getMessage() if record.msg == "%s" else str(record.msg))


class Quieter(logging.Filter):
    """A library's line once in ten seconds, whatever its numbers.

    kafka-python tells of one failed connection in five lines, and again at each try: its network has one line together.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock()
        self._said = {line: at for line, at in self._said.items() if now - at < QUIET_FOR}
        line = _topic(record)
        if line in self._said:
            return False
        self._said[line] = now
        return True
