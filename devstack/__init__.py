"""The embedded PostgreSQL and Kafka of a laptop and CI; only ``cli`` imports it."""
