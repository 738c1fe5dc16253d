"""Mutable tallies of one bucket while a batch is read; each becomes one immutable part of a summary."""
