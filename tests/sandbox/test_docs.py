"""docs/sandbox.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.sandbox.calls import ORG_TOKEN, WOOTRIC
from worker.sandbox import control
from worker.sandbox.faults import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def test_every_control_call_is_in_the_docs() -> None:
    told = set(re.findall(r"^\| `([A-Z]+) /sandbox/(\w+)", PAGE, re.MULTILINE))
    assert set(control.CONTROLS) == told


def test_the_rules_of_the_docs_can_be_put() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    actions = [action for action in re.findall(r'`(\{"fault".*?\})`[ ,|]', PAGE) if "…" not in action]
    assert 7 == len(actions)
    assert 10 == len(RULES.validate_json(example) + RULES.validate_python([{"do": json.loads(a)} for a in actions]))


def test_the_right_tokens_are_in_the_docs() -> None:
    tokens = [ORG_TOKEN, WOOTRIC.account_token, WOOTRIC.client_id, WOOTRIC.client_secret]
    assert tokens == [token for token in tokens if f"`{token}`" in PAGE]
