"""State, outbox and position in one transaction."""
