"""Rollouts in the simulation: the real rollback-executor on simulated servers, with agents that follow the pointer."""
