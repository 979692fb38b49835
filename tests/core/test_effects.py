from __future__ import annotations

from mappings.contract import Credentials
from tests.builders import a_request, a_user, an_event, an_item
from worker.core.effects import Note, Send

SECRET = Credentials({"authorization": "Bearer hush"})


def test_a_request_carries_the_headers_of_its_credentials() -> None:
    assert {"authorization": "Bearer hush"} == Send(a_request(), 1.0, None, SECRET).headers


def test_a_request_without_credentials_carries_none() -> None:
    assert {} == Send(a_request(), 1.0, None).headers


def test_no_repr_holds_a_secret_or_personal_data() -> None:
    event = an_event(user_id="jane@example.com")
    item = an_item(a_user("jane@example.com"), event=event)
    request = a_request(json={"email": "jane@example.com"}, headers={"authorization": "Bearer hush"})
    shown = [Send(request, 1.0, None, SECRET), Note("info", "first failure", event=event), item, item.user]
    assert not [one for one in map(repr, shown) if "jane" in one or "hush" in one]
