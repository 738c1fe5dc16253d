"""What a measurement of half an hour would stumble over at its end."""

import pytest

from tests.bench import otlp_costs, parts
from tests.bench.__main__ import RUN
from tests.bench.clocks import Clocked
from tests.bench.plan import PARTS
from tests.bench.report import BENCHMARKS


@pytest.mark.parametrize("part", [*PARTS, RUN])
def test_each_part_has_its_place_on_the_page(part: str) -> None:
    page = BENCHMARKS.read_text(encoding="utf-8")
    begin, end = (page.find(f"<!-- bench:{part}:{side} -->") for side in ("begin", "end"))
    assert 0 <= begin < end


@pytest.mark.parametrize("clocked", [parts.PARTS, otlp_costs.PARTS])
def test_clocks_hang_on_functions_that_the_service_has(clocked: Clocked) -> None:
    assert [name for part in clocked.values() for owner, name in part if not callable(getattr(owner, name, None))] == []
