"""Dead letters, as the topic has them."""

from __future__ import annotations

from tests.builders import ARecord, a_message, a_record
from worker.core.letter_headers import Header

WRITTEN = 1_795_000_000  # 2026-11-18T11:06:40Z
NOT_SAID: object = object()


def a_letter(
    payload: bytes | object = NOT_SAID,
    *,
    partition: int = 2,
    offset: int = 17,
    written: float = WRITTEN,
    reason: str = "refused",
    origin: str = "events/3/41/0",
    message_id: str = "m1",
    key: bytes | None = b"u1",
    **more: str | None,
) -> ARecord:
    """A record of a topic of dead letters; further keywords are further headers of ours."""
    said = {
        Header.REASON: reason,
        Header.STATUS: "422",
        Header.ATTEMPTS: "1",
        Header.ORIGIN: origin,
        Header.TIMESTAMP: "1770631900000",
        Header.MESSAGE_ID: message_id,
        **{Header[name.upper()]: text for name, text in more.items()},
    }
    return a_record(
        a_message() if payload is NOT_SAID else payload,
        topic="relay.dead-letters",
        partition=partition,
        offset=offset,
        timestamp=round(written * 1000),
        key=key,
        headers=[(name, text.encode()) for name, text in said.items() if text is not None],
    )
