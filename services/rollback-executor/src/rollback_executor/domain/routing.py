"""Which release serves a unit. Units are users, tenants or sessions, never requests."""

from hashlib import sha256

from rollback_executor.domain.rollout import Pointer

BUCKETS = 10_000


def bucket_of(rollout_id: str, unit: str) -> int:
    """sha256(rollout id || unit) mod 10,000. The same unit keeps its bucket, so a growing share keeps its units."""
    return int.from_bytes(sha256((rollout_id + unit).encode()).digest()) % BUCKETS


def release_for(pointer: Pointer, unit: str) -> str:
    """The release that serves ``unit``. In shadow the candidate's output is unused, so the stable one serves."""
    if pointer.candidate is None or pointer.rollout_id is None or pointer.is_shadow:
        return pointer.stable
    is_candidate = bucket_of(pointer.rollout_id, unit) < pointer.share_basis_points
    return pointer.candidate if is_candidate else pointer.stable
