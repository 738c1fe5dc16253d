"""What the simulation's tests share."""

import gc
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def settled() -> None:
    """What was imported stays; to look through it for garbage again and again was a tenth of a seed's time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Processes that retry log thousands of warnings; the trace of a failed seed tells it better."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
