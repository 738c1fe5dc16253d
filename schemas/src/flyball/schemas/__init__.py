"""The contract between services: events, topics, and nothing that does anything."""
