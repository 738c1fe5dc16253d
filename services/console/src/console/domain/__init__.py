"""Pure: specs in, revisions out; bytes in, events or excerpts out. No clock, no randomness, no I/O."""
