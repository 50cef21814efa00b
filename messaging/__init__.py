"""The Kafka edge: producer, consumer, topic and the bytes of an event."""
