"""console in the simulation: what it keeps of the topics is what a recount of them gives, and open pages hear of it."""
