"""Garbage collection as a service has it, for what is measured in the bench's own process."""

import gc


def collect_as_a_service() -> None:
    """For the rest of this process. The same as ``flyball.bus.runtime`` does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
