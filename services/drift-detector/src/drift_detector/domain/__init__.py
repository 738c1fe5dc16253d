"""Pure: summaries in, drift reports out. No clock, no randomness, no I/O."""
