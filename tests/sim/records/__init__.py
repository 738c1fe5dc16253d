"""drift-detector and audit-log in the simulation: what is measured is told once, and what is told is on the record."""
