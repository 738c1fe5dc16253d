"""Pure: raw records in, verdicts and summaries out. No clock, no randomness, no I/O."""
