"""Breaks a running service on purpose and has the result verified."""
