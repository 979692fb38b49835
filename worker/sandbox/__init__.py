"""Local stand-ins of the vendors and of Kafka, that the demo and the tests share."""

from worker.sandbox.server import Sandbox
from worker.sandbox.stand_alone import serve

__all__ = ["Sandbox", "serve"]
