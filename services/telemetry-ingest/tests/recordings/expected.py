"""``python expected.py``: what the recordings are read as, for a person to look over before it becomes the test."""

import json
from pathlib import Path
from typing import Any

from telemetry_ingest.adapters.otlp import OtlpReader
from telemetry_ingest.domain.otlp.facts import SpanFacts

HERE = Path(__file__).parent
EXPECTED = HERE / "expected.json"
RECORDED_NS = 1_795_000_100_000_000_000


def names() -> list[str]:
    return sorted(path.stem for path in (HERE / "fixtures").glob("*.pb"))


def read(name: str, suffix: str) -> tuple[SpanFacts, ...]:
    read = OtlpReader().traces((HERE / "fixtures" / f"{name}.{suffix}").read_bytes(), "auto", RECORDED_NS)
    assert read.rejected == ()
    return read.spans


def told(span: SpanFacts) -> dict[str, Any]:
    """Of a span what is not its default, in order of the fields."""
    defaults = SpanFacts._field_defaults
    return {field: value for field, value in span._asdict().items() if value != defaults.get(field, "required")}


def main() -> None:
    whole = {name: [told(span) for span in read(name, "pb")] for name in names()}
    lines = [f'"{name}": [\n{_rows(spans)}\n]' for name, spans in whole.items()]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _rows(spans: list[dict[str, Any]]) -> str:
    return ",\n".join(" " + json.dumps(span) for span in spans)


if __name__ == "__main__":
    main()
