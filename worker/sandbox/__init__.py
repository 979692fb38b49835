"""Local stand-ins of the vendors and of Kafka, that the demo and the tests share."""
