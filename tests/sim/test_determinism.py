"""One seed is one run: the same trace, whatever the process, the hash seed or the addresses in memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.sim.process import Faults
from flyball.sim.seeds import run_seed
from tests.sim.whole import Whole

pytestmark = pytest.mark.seeds

ROOT = Path(__file__).parents[2]
DIGEST = "from tests.sim.test_determinism import digest; print(digest({seed}))"


def digest(seed: int) -> str:
    return run_seed(Whole(), seed, Faults()).digest()


def digest_elsewhere(seed: int, hash_seed: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIGEST.format(seed=seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def test_a_seed_gives_the_same_run_twice_and_another_seed_another() -> None:
    assert digest(3) == digest(3)
    assert digest(3) != digest(4)


@pytest.mark.parametrize("seed", [6, 11])
def test_the_hash_seed_of_python_does_not_matter(seed: int) -> None:
    assert digest_elsewhere(seed, "0") == digest_elsewhere(seed, "4711") == digest(seed)
