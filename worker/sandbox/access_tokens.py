"""Access tokens: issued, good for a while, revoked."""

from __future__ import annotations

from itertools import count


class AccessTokens:
    """All that were issued and have not expired. Times are Unix seconds."""

    def __init__(self) -> None:
        self._expiry: dict[str, float] = {}
        self._numbers = count(1)

    def issue(self, now: float, lifetime: float) -> str:
        self._expiry = {token: until for token, until in self._expiry.items() if until > now}
        token = f"sandbox-access-token-{next(self._numbers)}"
        self._expiry[token] = now + lifetime
        return token

    def is_good(self, token: str, now: float) -> bool:
        return now < self._expiry.get(token, 0)

    def revoke(self) -> None:
        """Every token is bad from now on."""
        self._expiry.clear()
