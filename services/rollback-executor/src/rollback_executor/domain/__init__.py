"""Pure: states, blocks, evidence and what follows from them. No clock, no randomness, no I/O."""
