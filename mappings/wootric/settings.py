"""The settings of one Wootric account, and what follows from them: where it lives, what is done there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from mappings.contract import setting

Action = Literal["eligibility", "properties"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
REGIONS: Final = {"NPS-EU": "eu", "NPS-AU": "au"}


@dataclass(frozen=True)
class Account:
    """One account.

    Not slotted: what every request repeats is put together once and kept beside the fields.
    """

    account_token: str = setting(
        help='The account token, "NPS-XXXXXXXX" (Wootric: Settings). Its form selects the region: NPS-EU…, NPS-AU….',
        secret=True,
    )
    client_id: str | None = setting(
        None,
        help="The OAuth client of the REST API (Wootric: Settings > API). Without it only eligibility is checked.",
    )
    client_secret: str | None = setting(None, help="The secret that belongs to client_id.", secret=True)
    api_url: str | None = setting(None, help="Where the REST API is. Default: https://api.wootric.com, .eu or .au.")
    eligibility_url: str | None = setting(
        None, help="Where eligibility is checked. Default: https://eligibility.wootric.com, .eu or .au."
    )
    actions: frozenset[Action] | None = setting(
        None,
        help='What track, page and screen do: "eligibility" (ask whether to survey), "properties" (write what the '
        "event says to the end user; needs client_id). Default: both where client_id is set.",
    )
    email_survey_on_eligible: bool = setting(
        False, help="Ask Wootric to e-mail the survey when an eligibility check says yes. Needs client_id."
    )

    def __post_init__(self) -> None:
        """Raise ``ValueError`` with every mistake at once; it names settings, never their values."""
        if wrong := "; ".join(_faults(self)):
            raise ValueError(wrong)

    @cached_property
    def has_credentials(self) -> bool:
        """Is the REST API open to us? Without it there are eligibility checks only."""
        return bool(self.client_id and self.client_secret)

    @cached_property
    def api(self) -> str:
        """The REST API's address, without a slash at its end."""
        return (self.api_url or f"https://api.wootric.{self._region}").rstrip("/")

    @cached_property
    def eligibility(self) -> str:
        """The eligibility API's address, without a slash at its end."""
        return (self.eligibility_url or f"https://eligibility.wootric.{self._region}").rstrip("/")

    @cached_property
    def key(self) -> str:
        """A short name for the keys of remembered look-ups. It does not tell the token."""
        return sha256(f"{self.api} {self.account_token}".encode()).hexdigest()[:12]

    @property
    def _region(self) -> str:
        return REGIONS.get(self.account_token[:6], "com")

    def does(self, action: Action) -> bool:
        """Is ``action`` taken for track, page and screen?"""
        return action in (ACTIONS if self.actions is None else self.actions) and (
            action == "eligibility" or self.has_credentials
        )


def hosts(account: Account) -> frozenset[str]:
    """The origins that requests may name."""
    return frozenset(_origin(url) for url in (account.api, account.eligibility))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


# --- What can be wrong


def _faults(account: Account) -> Iterator[str]:
    if not _is_token(account.account_token):
        yield 'account_token must look like "NPS-XXXXXXXX" (Wootric: Settings)'
    if bool(account.client_id) != bool(account.client_secret):
        missing = "client_secret" if account.client_id else "client_id"
        yield f"{missing} is missing: client_id and client_secret go together (Wootric: Settings > API)"
    for name, url in (("api_url", account.api_url), ("eligibility_url", account.eligibility_url)):
        if url is not None and not _is_address(url):
            yield f'{name} must be an address like "https://api.wootric.com", without query, fragment or password'
    yield from _faults_of_actions(account)
    if account.email_survey_on_eligible and not account.has_credentials:
        yield "email_survey_on_eligible needs client_id and client_secret"
    if account.email_survey_on_eligible and not account.does("eligibility"):
        yield 'email_survey_on_eligible needs "eligibility" among actions'


def _faults_of_actions(account: Account) -> Iterator[str]:
    if account.actions is None:
        return
    if not account.actions or not account.actions <= set(ACTIONS):
        yield 'actions must name "eligibility", "properties" or both (to send no track, page or screen, set types)'
    if "properties" in account.actions and not account.has_credentials:
        yield 'actions: "properties" needs client_id and client_secret'


def _is_token(token: str) -> bool:
    return token.startswith("NPS-") and len(token) > 4 and token.isascii() and token.isprintable() and " " not in token


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises where it is no number)
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & set(" ?#@")
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)
