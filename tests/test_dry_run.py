"""What a dry run is made of, and what it says at the end; what it does is in tests/whole/test_dry_run.py."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from worker import config
from worker.commands.dry_run import ASSUMED, summary
from worker.core.tally import Tally
from worker.dry_run import settings_for_it
from worker.settings.problems import SetupError

FILE = """
[kafka]
bootstrap_servers = ["127.0.0.1:1"]
topics = ["events"]
group = "relay"
instance_id = "relay-0"
[worker]
admin_address = "0.0.0.0:9404"
[destinations.shop]
mapping = "wootric"
enabled = false
settings.account_token = "NPS-1"
settings.client_id = "id"
settings.client_secret = "secret"
"""


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    file = tmp_path / "relay.toml"
    file.write_text(FILE)
    return settings_for_it(config.load(file, {}))


def test_its_groups_are_its_own(settings: config.Settings) -> None:
    assert ("relay.dry-run", "relay.dry-run.shop") == (settings.kafka.group, settings.destinations["shop"].group)


def test_it_may_run_right_beside_the_worker(settings: config.Settings) -> None:
    """In its container, by its settings: neither its port nor its name in a group is free."""
    assert (None, ("127.0.0.1", 0)) == (settings.kafka.instance_id, settings.worker.admin_address)


def test_a_disabled_destination_is_tried_and_none_logs_in(settings: config.Settings) -> None:
    shop = settings.destinations["shop"]
    assert (True, None) == (shop.policy.enabled, shop.destination.login)


def test_the_summary_names_outcomes_and_requests_most_of_them_first(settings: config.Settings) -> None:
    tally = Tally(
        consumed=Counter({"events": 6}),
        settled=Counter({("skipped", "tombstone"): 1, ("delivered", ""): 3, ("delivered", "eligible"): 2}),
        requests=Counter({("end-users/look-up", "404"): 3, ("end-users/look-up", "200"): 1, ("eligible", "200"): 5}),
    )
    assert [
        "Dry run: nothing was sent, and no dead letter was written.",
        ASSUMED,
        "",
        "shop: 6 events",
        "           3  would be delivered",
        "           2  would be delivered, eligible: the person is to be surveyed; the detail has Wootric's code",
        "           1  skipped, tombstone: The record has no value.",
        "  in 9 requests, none of which was sent",
        "           5  eligible",
        "           4  end-users/look-up",
        "  The next dry run goes on where this one ended (the group relay.dry-run.shop), or --anew at start_at.",
    ] == list(summary([(settings.destinations["shop"], tally)]))


def test_the_options_of_a_dry_run_are_refused_without_it() -> None:
    from worker.cli import run

    with pytest.raises(SetupError, match="--dry-run is missing"):
        run(until_caught_up=True)
