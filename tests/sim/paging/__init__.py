"""notifier in the simulation: alerts, people and providers that fail around its replicas."""
