"""OpenTelemetry: what its spans and log events say of an agent, whoever's attribute names they use."""
