"""What the simulation's tests share."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Processes that retry log thousands of warnings; the trace of a failed seed tells it better."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
