"""Wigzo, a marketing platform: events and people.

Wigzo prints no HTTP API; this one was read from its public clients (the WooCommerce plugin, the Engage 360 API guide,
Segment's browser integration). What is passed on is what Segment's page about the Wigzo destination says.
"""

from __future__ import annotations

from typing import Final

from mappings.contract import Destination
from mappings.wigzo.answers import meaning
from mappings.wigzo.flow import translate
from mappings.wigzo.settings import Account

__all__ = ["DESTINATION"]

REASONS: Final = {
    "unsupported": "Wigzo has no counterpart of this kind of event (group, alias)",
    "no-user": "the event has neither userId nor anonymousId",
    "no-event": "a track without the name of its event",
    "no-product-id": "a product event, or a product of a checkout or order, without product_id",
    "no-query": "a search without properties.query",
    "no-products": "a checkout or order without properties.products",
    "refused": "Wigzo refused the event; the detail has its answer",
    "wrong-account": "Wigzo refused the account: org_token, api_token or the organization",
}

DESTINATION: Final = Destination(
    name="Wigzo",
    settings=Account,
    hosts=lambda account: frozenset({account.origin}),
    translate=translate,
    reasons=REASONS,
    meaning=meaning,
)
