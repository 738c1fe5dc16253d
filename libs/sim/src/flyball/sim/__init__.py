"""A whole system in one deterministic simulation: one seed, one run, always the same."""
