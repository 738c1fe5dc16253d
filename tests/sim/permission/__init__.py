"""autonomy-controller in the simulation: agents, people and time around its replicas."""
