"""What clients may rely on, written out: OpenAPI, AsyncAPI, the schemas of events."""
