"""Features of many rows as columns: one for each name, numbers and texts apart."""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, compress

import numpy as np

from flyball.schemas.native import FeatureValue
from telemetry_ingest.domain.columns import FloatArray, IntArray

Row = Mapping[str, FeatureValue]
LAYOUTS_MAX = 32
"""So many orders of names are turned into columns at once; beyond that it is quicker to go through the cells."""
Texts = list[tuple[int, str]]
Cells = tuple[list[int], Sequence[FeatureValue]]
"""Groups and values of one name."""


def columns_of(
    groups: Sequence[int], rows: Sequence[Row], wanted: Container[str] | None = None
) -> Iterator[tuple[str, IntArray, FloatArray, Texts]]:
    """Name, the groups of its numbers, its numbers, and (group, text) of its texts. Nulls are left out.

    Names that are not ``wanted`` are left out too, where somebody knows which ones are.
    """
    layouts: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(rows):
        layouts.setdefault(tuple(row), []).append(number)
    cells = _by_layout(layouts, groups, rows) if len(layouts) <= LAYOUTS_MAX else _by_cell(groups, rows)
    for name, (owners, values) in cells.items():
        if wanted is None or name in wanted:
            yield name, *_split(owners, values)


def _by_layout(
    layouts: Mapping[tuple[str, ...], Sequence[int]], groups: Sequence[int], rows: Sequence[Row]
) -> dict[str, Cells]:
    found: dict[str, list[Cells]] = {}
    for names, numbers in layouts.items():
        owners = [groups[number] for number in numbers]
        for name, values in zip(names, zip(*(rows[number].values() for number in numbers), strict=True), strict=True):
            found.setdefault(name, []).append((owners, values))
    return {name: _joined(parts) for name, parts in found.items()}


def _joined(parts: Sequence[Cells]) -> Cells:
    if len(parts) == 1:
        return parts[0]
    return list(chain.from_iterable(owners for owners, _ in parts)), tuple(chain.from_iterable(v for _, v in parts))


def _by_cell(groups: Sequence[int], rows: Sequence[Row]) -> dict[str, Cells]:
    found: dict[str, tuple[list[int], list[FeatureValue]]] = {}
    for group, row in zip(groups, rows, strict=True):
        for name, value in row.items():
            cells = found.get(name)
            if cells is None:
                cells = found[name] = [], []
            cells[0].append(group)
            cells[1].append(value)
    return dict(found)


def _split(owners: Sequence[int], values: Sequence[FeatureValue]) -> tuple[IntArray, FloatArray, Texts]:
    kinds = list(map(type, values))
    if len(set(kinds)) == 1 and kinds[0] is float:
        return np.array(owners, dtype=np.int64), np.array(values, dtype=np.float64), []
    numeric = [kind is float for kind in kinds]
    texts = [(owner, value) for owner, value in zip(owners, values, strict=True) if isinstance(value, str)]
    return (
        np.array(list(compress(owners, numeric)), dtype=np.int64),
        np.array(list(compress(values, numeric)), dtype=np.float64),
        texts,
    )
