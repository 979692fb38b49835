"""Errors after which a member cannot go on before a person has changed something, in a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kafka.errors import (
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
)


class Refused(Exception):  # noqa: N818  (Kafka's word, not a fault of the program)
    """Kafka will not have this member. Its text says why, and what helps."""


SENTENCES: Final[Mapping[type[Any], str]] = {
    FencedInstanceIdError: (
        "another process has taken this one's place in the group {group}: it runs with the same kafka.instance_id, "
        "and each process needs its own. (If none does, a broker that failed in a rebalance has forgotten this member: "
        "a new start helps.)"
    ),
    InconsistentGroupProtocolError: (
        "the group {group} is in use by another program, which shares partitions out in another way: "
        "choose another name for kafka.group"
    ),
    InvalidSessionTimeoutError: (
        "kafka.session_timeout is outside of what this cluster allows "
        "(its group.min.session.timeout.ms to group.max.session.timeout.ms, by default 6 s to 30 min)"
    ),
    GroupMaxSizeReachedError: "the group {group} has as many members as this cluster allows (its group.max.size)",
    GroupAuthorizationFailedError: "this user lacks the right to READ the group {group}",
    SaslAuthenticationFailedError: "Kafka no longer takes the user name or the password (kafka.sasl_password)",
    TopicAuthorizationFailedError: "this user lacks the right to READ {detail}",
}


def told(error: BaseException, group: str) -> BaseException:
    """The error itself, or the sentence where there is one."""
    sentence = SENTENCES.get(type(error))
    if sentence is None:
        return error
    detail = ", ".join(sorted(error.args[0])) if error.args and isinstance(error.args[0], set) else "its topics"
    refused = Refused(sentence.format(group=group, detail=detail))
    refused.__cause__ = error
    return refused
