"""The operator's command line, and the one place that builds the service."""
