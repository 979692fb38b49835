"""Finding, creating and updating end users. There is no upsert: look the end user up, then create or update."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from mappings.contract import Request, Response, Unmappable
from mappings.wootric import calls
from mappings.wootric.answers import age, refused, taken
from mappings.wootric.profile import Name, Profile, changes
from mappings.wootric.reading import is_whole, read, read_id
from mappings.wootric.settings import Account

T = TypeVar("T")
Steps: TypeAlias = Generator[Request, Response, T]

# Nobody whom Wootric could ask: nothing is tied to a person until it is identified (Segment's page).
ANONYMOUS: Final = "anonymous"
UNCHANGED: Final = "unchanged"
PARTLY: Final = "name-taken"
NOBODY: Final = Profile()

# How old may be what memory says, in seconds. An hour to write by: whoever wrote meanwhile is written over, since all
# of an end user's properties are written at once. A day to see that nothing has changed, which overwrites nobody.
ANEW: Final = 0.0
TO_WRITE: Final = 3_600.0
TO_COMPARE: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class EndUser:
    """An end user that was found by ``name``, and how long ago Wootric said so, in seconds.

    ``fresh`` says that memory was not asked.
    """

    id: str
    name: Name
    profile: Profile
    age: float
    fresh: bool


@dataclass(frozen=True, slots=True)
class Written:
    """An end user as it is after a write that went well, and what is to be said of that write."""

    profile: Profile
    note: str = ""


def find(name: Name, account: Account, max_age: float = TO_WRITE) -> Steps[EndUser | None]:
    """The end user known as ``name``, or ``None``.

    What memory gives in doubt is asked anew: an end user that goes by another address now, or the answer of a write
    that was no whole end user. Overlaying half of one would lose the other half.
    """
    answer = yield calls.look_up(account, name, max_age)
    if answer.status == 404:
        return None
    if not answer.ok:
        raise refused(answer)
    body = answer.object()
    profile = read(body)
    if max_age != ANEW and _is_doubtful(body, profile, name):
        return (yield from find(name, account, ANEW))
    if (id_ := read_id(body)) is None:
        raise Unmappable("unreadable", "the end user in the answer has no numeric id")
    return EndUser(id_, name, profile.named(name), age(answer), fresh=max_age == ANEW)


def find_first(names: Iterable[Name], account: Account, max_age: float = TO_WRITE) -> Steps[EndUser | None]:
    """The end user known by the first of ``names`` that anybody has."""
    for name in names:
        found = yield from find(name, account, max_age)
        if found is not None:
            return found
    return None


def update(found: EndUser, wanted: Profile, account: Account) -> Steps[Written | None]:
    """Write what differs; ``None`` where the end user is gone.

    A name that another end user has is left out: the rest is this person's all the same.
    """
    after = found.profile.overlaid(wanted)
    form = changes(found.profile, after)
    if not form:
        return Written(found.profile, UNCHANGED)
    if found.age >= TO_WRITE and not found.fresh:
        return (yield from _update_anew(found, wanted, account))
    answer = yield write(found, after, account)
    if answer.ok:
        return Written(after)
    if (kind := taken(answer)) and (lesser := wanted.without(kind)) != wanted:
        written = yield from update(found, lesser, account)
        return written and Written(written.profile, PARTLY)
    if answer.status != 404 or found.fresh:
        raise refused(answer)
    # The id came from memory: the end user was deleted since, or merged into another one.
    return (yield from _update_anew(found, wanted, account))


def _update_anew(found: EndUser, wanted: Profile, account: Account) -> Steps[Written | None]:
    again = yield from find(found.name, account, ANEW)
    return (yield from update(again, wanted, account)) if again else None


def write(found: EndUser, after: Profile, account: Account) -> Request:
    """The one request that turns ``found`` into ``after``."""
    names = (found.name, *found.profile.names, *after.names)
    return calls.update(account, found.id, changes(found.profile, after), names)


def create(wanted: Profile, account: Account) -> Steps[Written]:
    """A new end user. Where one of its names is taken, the end user that has the name is updated instead."""
    answer = yield calls.create(account, changes(NOBODY, wanted), wanted.names)
    if answer.ok:
        return Written(wanted)
    kind = taken(answer)
    name = next((name for name in wanted.names if name.kind == kind), None)
    found = (yield from find(name, account, ANEW)) if name else None
    written = (yield from update(found, wanted, account)) if found else None
    if written is None:
        raise refused(answer)
    return written


def _is_doubtful(body: Mapping[str, Any], profile: Profile, name: Name) -> bool:
    known = {known.kind: known.key for known in profile.names}
    return not is_whole(body) or known.get(name.kind, name.key) != name.key
