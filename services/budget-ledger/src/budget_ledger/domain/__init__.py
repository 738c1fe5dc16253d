"""Pure: summaries in, ledger entries and budget states out. No clock, no randomness, no I/O."""
