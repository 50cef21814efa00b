"""Named steps at which a test may crash, fail or hold a node."""
