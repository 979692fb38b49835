"""The control API, for whoever runs the sandbox as a process: what arrived, what is there, what goes wrong.

docs/sandbox.md shows each call. Answers are JSON; a mistake is answered with 400 and a sentence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, cast

import orjson
from aiohttp import web
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from worker.sandbox.eligibility import EligibilityRule
from worker.sandbox.exchange import Call, Destination
from worker.sandbox.faults import RULES
from worker.sandbox.limits import Limit

if TYPE_CHECKING:
    from worker.sandbox.server import Sandbox

Secret: TypeAlias = Annotated[str, Field(min_length=1)]
_STRICT: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)


@validated(frozen=True, slots=True, config=_STRICT)
class WigzoTokens:
    """Those to change; ``None`` leaves one as it is."""

    org_token: Secret | None = field(default=None, repr=False)
    api_token: Secret | None = field(default=None, repr=False)


@validated(frozen=True, slots=True, config=_STRICT)
class WootricTokens:
    """Those to change. ``revoke``: every access token is bad from now on."""

    account_token: Secret | None = field(default=None, repr=False)
    client_id: Secret | None = field(default=None, repr=False)
    client_secret: Secret | None = field(default=None, repr=False)
    revoke: bool = False


@validated(frozen=True, slots=True, config=_STRICT)
class Tokens:
    """``POST /sandbox/tokens``."""

    wigzo: WigzoTokens = WigzoTokens()
    wootric: WootricTokens = WootricTokens()


_TOKENS: Final = TypeAdapter(Tokens)
_LISTENERS: Final[TypeAdapter[dict[Destination, bool]]] = TypeAdapter(dict[Destination, bool])
_LIMITS: Final[TypeAdapter[dict[Destination, Limit]]] = TypeAdapter(dict[Destination, Limit])
_ELIGIBILITY: Final[TypeAdapter[list[EligibilityRule]]] = TypeAdapter(list[EligibilityRule])
_DESTINATION: Final[TypeAdapter[Destination | None]] = TypeAdapter(Destination | None)


async def respond(sandbox: Sandbox, call: Call) -> web.Response:
    """Carry out one control call."""
    control = CONTROLS.get((call.method, call.path.removeprefix("/sandbox/")))
    if control is None:
        return _json({"error": "no such control call: docs/sandbox.md has them all"}, 404)
    try:
        return await control(sandbox, call)
    except ValidationError as error:
        return _json({"error": str(error)}, 400)
    except (KeyError, ValueError) as error:
        return _json({"error": f"{type(error).__name__}: {error}"}, 400)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


async def _arrivals(sandbox: Sandbox, call: Call) -> web.Response:
    query: Mapping[str, str] = dict(call.query)
    found = sandbox.arrivals(
        _DESTINATION.validate_python(query.get("destination")),
        user=query.get("user"),
        since=int(query.get("since", 0)),
    )
    body = b"".join(orjson.dumps(arrival, option=orjson.OPT_APPEND_NEWLINE) for arrival in found)
    return web.Response(body=body, content_type="application/x-ndjson")


async def _counts(sandbox: Sandbox, _: Call) -> web.Response:
    return _json(sandbox.record.counts())


async def _state(sandbox: Sandbox, _: Call) -> web.Response:
    return _json(sandbox.vendors.state())


async def _faults(sandbox: Sandbox, call: Call) -> web.Response:
    rules = RULES.validate_json(call.body)
    sandbox.put_faults(*rules)
    return _json({"rules": len(rules)})


async def _eligibility(sandbox: Sandbox, call: Call) -> web.Response:
    sandbox.wootric.eligibility = rules = _ELIGIBILITY.validate_json(call.body)
    return _json({"rules": len(rules)})


async def _limits(sandbox: Sandbox, call: Call) -> web.Response:
    sandbox.vendors.limits = limits = _LIMITS.validate_json(call.body)
    return _json({"limits": len(limits)})


async def _release(sandbox: Sandbox, _: Call) -> web.Response:
    sandbox.release()
    return _json({})


async def _reset(sandbox: Sandbox, _: Call) -> web.Response:
    sandbox.reset()
    return _json({})


async def _tokens(sandbox: Sandbox, call: Call) -> web.Response:
    tokens = _TOKENS.validate_json(call.body)
    sandbox.wigzo.account = replace(sandbox.wigzo.account, **_given(tokens.wigzo, "org_token", "api_token"))
    of_wootric = _given(tokens.wootric, "account_token", "client_id", "client_secret")
    sandbox.wootric.account = replace(sandbox.wootric.account, **of_wootric)
    if tokens.wootric.revoke:
        sandbox.wootric.access_tokens.revoke()
    return _json({})


def _given(tokens: WigzoTokens | WootricTokens, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(tokens, name)) is not None}


async def _listeners(sandbox: Sandbox, call: Call) -> web.Response:
    for destination, is_open in _LISTENERS.validate_json(call.body).items():
        await (sandbox.accept(destination) if is_open else sandbox.refuse(destination))
    return _json({})


_Control: TypeAlias = "Callable[[Sandbox, Call], Awaitable[web.Response]]"
CONTROLS: Final = cast(
    "Mapping[tuple[str, str], _Control]",
    {
        ("GET", "arrivals"): _arrivals,
        ("GET", "counts"): _counts,
        ("GET", "state"): _state,
        ("PUT", "faults"): _faults,
        ("PUT", "eligibility"): _eligibility,
        ("PUT", "limits"): _limits,
        ("PUT", "listeners"): _listeners,
        ("POST", "release"): _release,
        ("POST", "reset"): _reset,
        ("POST", "tokens"): _tokens,
    },
)
