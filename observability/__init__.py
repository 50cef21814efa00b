"""Metrics and the catalogue of log events."""
