"""BENCHMARKS.md: each part has its own pair of markers, so that one part can be measured again alone."""

import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.bench.figures import table

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "BENCHMARKS.md"
KAFKA_POM = ROOT / "infra" / "kafka" / "pom.xml"


def write(part: str, text: str) -> None:
    """Replace what stands between the markers of ``part``. ValueError when they are gone."""
    begin, end = f"<!-- bench:{part}:begin -->", f"<!-- bench:{part}:end -->"
    page = BENCHMARKS.read_text(encoding="utf-8")
    before, found, rest = page.partition(begin)
    if not found or end not in rest:
        raise ValueError(f"{BENCHMARKS} lacks {begin} ... {end}: put both back, in lines of their own")
    BENCHMARKS.write_text(f"{before}{begin}\n{text.strip()}\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def circumstances() -> str:
    """Command, date and machine, so that nobody compares figures of two machines."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    rows = [
        ["command", f"`python -m tests.bench {' '.join(sys.argv[1:])}`".replace(" `", "`")],
        ["date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"],
        ["machine", f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.machine()}"],
        ["load before (1, 5, 15 minutes)", load],
        ["Python", platform.python_version()],
        ["Apache Kafka", f"{_kafka_version()}, one node, KRaft"],
    ]
    return table(["", ""], rows)


def _kafka_version() -> str:
    found = re.search(
        r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>(?P<version>[\d.]+)</version>", KAFKA_POM.read_text()
    )
    return found["version"] if found else "unknown"
