"""Settings, logs and signals."""
