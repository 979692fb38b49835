"""segment-relay: Segment events from Kafka to tools that only speak HTTP."""
