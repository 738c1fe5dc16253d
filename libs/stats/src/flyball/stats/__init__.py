"""The statistics: pure functions, each with its source and its units."""
