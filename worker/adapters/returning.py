"""When a static member that came back has to join its group once more.

Kafka gives a static member that comes back what it had, without a round, and tells nobody. That is what static
membership is for; but two things go unheard with it:

* **Who led the group still leads it, and is not told so.** kafka-python joins by a version of Kafka's protocol in which
  a leader that comes back is answered like one who follows. But only who knows that it leads looks after the topics:
  once every member had been restarted, partitions that a topic gained were read by nobody, for good.
* **What it subscribes to now and did not before.** A topic that was added to the settings was read by nobody.

So it joins once more, and its group holds a round in which the leader is told, and everybody's topics are heard. The
assignor is sticky and cooperative: no partition moves that need not, and none stands still meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

LIFE: Final = len("-") + 36  # Kafka calls a static member by its own name, a hyphen, and a UUID for each of its lives


class Returning:
    """One process's; it asks once for each reason. ``sources`` are the topics of which a member may expect partitions,
    ``leader`` says whom the last join named as the leader.

    A member without an ``instance_id`` never comes back: Kafka takes it for another one.
    """

    def __init__(self, instance_id: str | None, sources: Collection[str], leader: Callable[[], str]) -> None:
        self._instance_id = instance_id
        self._sources = frozenset(sources)
        self._leader = leader
        self._has_asked_for_the_lead = False
        self._has_begun = False

    def must_ask(self, *, rounds: int, topics: Collection[str]) -> bool:
        """``rounds``: how many this process led; ``topics``: those of which it owns partitions."""
        if self._instance_id is None or rounds:
            return False
        return self._leads_untold() | self._lacks_a_topic(topics)

    def _leads_untold(self) -> bool:
        if self._has_asked_for_the_lead or self._leader()[:-LIFE] != self._instance_id:
            return False
        self._has_asked_for_the_lead = True
        return True

    def _lacks_a_topic(self, topics: Collection[str]) -> bool:
        if self._has_begun or not topics:
            return False
        self._has_begun = True
        return not self._sources <= frozenset(topics)
