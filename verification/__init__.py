"""Checks that nothing accepted was lost, doubled or settled twice."""
