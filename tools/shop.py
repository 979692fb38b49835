"""An invented shop, "Lantern & Loom": its wares and its shoppers. See ``make_sample.py``.

Hosts, addresses and telephone numbers are those set aside for examples.
"""
# ruff: noqa: INP001, SIM905  (a script; seeded randomness on purpose; names read best as a sentence)

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

SHOP = "https://shop.example"

FIRST = (
    "Maya Noor Ida Tomás Zoë Amara Jun Søren Priya Łucja Omar Kenji Freya Luis Anouk Ravi Эльза 美咲 Inês Björn".split()
)
LAST = (
    "Lindqvist O'Hara Okafor Kowalska Nakamura Da Silva-Reis Müller Haddad Petrov Gómez Iyer Duval Чехова 田中".split()
)
COUNTRIES = [
    ("GB", "en-GB", "GBP"),
    ("DE", "de-DE", "EUR"),
    ("US", "en-US", "USD"),
    ("JP", "ja-JP", "JPY"),
    ("PT", "pt-PT", "EUR"),
]
BROWSERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
]
WARES = [
    ("LAMP-014", "Paper Lantern “Moon”", "Lamps", 34.0),
    ("LAMP-022", "Brass Reading Lamp", "Lamps", 89.5),
    ("LAMP-031", "Storm Lantern", "Lamps", 42),
    ("RUG-007", "Kilim Runner 80×250", "Rugs", 240.0),
    ("RUG-011", "Wool Rug Łódź", "Rugs", 415.75),
    ("CUSH-101", "Linen Cushion, sea green", "Cushions", 27.9),
    ("CUSH-117", "Velvet Cushion", "Cushions", 31),
    ("THRW-003", "Alpaca Throw", "Throws", 119.0),
    ("THRW-009", "Cotton Throw 手織り", "Throws", 58.25),
    ("YARN-201", "Merino Yarn 100 g", "Yarn", 8.95),
]


class Shopper:
    """Somebody with a browser, and after a while with an account."""

    def __init__(self, number: int, random: Random) -> None:
        self.number, self.random = number, random
        self.anonymous_id = str(UUID(int=random.getrandbits(128), version=4))
        self.user_id = random.choice(
            [f"{41_000 + number}", f"usr_{number:04x}", str(UUID(int=random.getrandbits(128), version=4))]
        )
        self.first, self.last = random.choice(FIRST), random.choice(LAST)
        self.email = f"shopper.{number}{random.choice(['', '+loom'])}@example.com"
        self.phone = f"+1{201 + number // 100 * 7}55501{number % 100:02d}"
        self.country, self.locale, self.currency = random.choice(COUNTRIES)
        self.consent = random.choice([None, None, True, True, False])
        self.ip = f"198.51.100.{number % 250}" if number % 3 else f"2001:db8::{number:x}"
        self.agent = random.choice(BROWSERS)
        self.is_known = number % 7 == 0
        self.cart: list[dict[str, Any]] = []
        self.orders = 0

    def ids(self) -> dict[str, str | None]:
        return {"user_id": self.user_id if self.is_known else None, "anonymous_id": self.anonymous_id}

    def context(self, path: str) -> dict[str, Any]:
        page = {"url": SHOP + path, "path": path, "title": f"Lantern & Loom — {path}", "referrer": "", "search": ""}
        found: dict[str, Any] = {"ip": self.ip, "userAgent": self.agent, "locale": self.locale, "page": page}
        if self.consent is not None:
            found["consent"] = {"categoryPreferences": {"advertising": self.consent, "functional": True}}
        if self.number % 11 == 0:
            found["campaign"] = {"name": "spring-wool", "source": "newsletter", "medium": "email"}
        return found

    def traits(self) -> dict[str, Any]:
        created = [1_741_500_000 + self.number, "2025-03-09T08:15:30.500Z", "20250309", "2024-11-02"][self.number % 4]
        traits = {
            "email": self.email,
            "phone": self.phone,
            "createdAt": created,
            "firstName": self.first,
            "lastName": self.last,
            "address": {"city": "Łódź" if self.number % 5 else "Example City", "country": self.country},
            "language": self.locale[:2],
            "loyalty_points": self.number * 12,
            "newsletter": self.number % 2 == 0,
            "interests": ["rugs", "lamps"][: 1 + self.number % 2],
            "referred_by": None,
        }
        return traits | ({"nickname": "cut emoji \ud83d"} if self.number % 60 == 5 else {})
