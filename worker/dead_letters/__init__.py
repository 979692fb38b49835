"""Dead letters, looked at and replayed by a person: what is chosen and what is said of it. Kafka is read elsewhere."""
