"""Recorded agent work as events: 200 trajectories of an airline agent, timed by traces of LLM requests.

Trajectories: tau-bench, gpt-4o on the airline domain, 50 tasks in four trials. Each has its messages and a reward.
Traces: one hour of requests to an LLM service in Azure, one file for conversation, one for code; each request has a
time of arrival, tokens of context and generated tokens.

A trajectory's turns take requests in the order of the traces: a turn that calls a tool the next one of code, a turn
that speaks the next one of conversation. It arrives with its first spoken turn. The traces have no latency, so it is
derived: 0.1 ms for each token of context (prefill) and 20 ms for each generated token (decode), one request after
another.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FLYBALL_DATA", ROOT.parent / "shared" / "data"))
TRAJECTORIES = "tau_bench_gpt4o_airline.json"
TRACES = {"speaks": "azure_llm_inference_conv.csv", "calls a tool": "azure_llm_inference_code.csv"}
HAND_OVER = "transfer_to_human_agents"
PREFILL_US_PER_TOKEN = 100
DECODE_US_PER_TOKEN = 20_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request to an LLM, as the traces have it."""

    arrived_at: datetime
    input_tokens: int
    output_tokens: int

    @property
    def latency_us(self) -> int:
        return self.input_tokens * PREFILL_US_PER_TOKEN + self.output_tokens * DECODE_US_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One interaction of the recorded agent."""

    id: str
    reward: float
    hand_overs: int
    spoken: Sequence[Request]
    tool_calls: Sequence[Request]

    @property
    def requests(self) -> Sequence[Request]:
        return [*self.spoken, *self.tool_calls]

    @property
    def latency_us(self) -> int:
        return sum(request.latency_us for request in self.requests)

    @property
    def completed_at(self) -> datetime:
        return self.spoken[0].arrived_at + timedelta(microseconds=self.latency_us)


def absent() -> list[Path]:
    """Files that are needed and not there."""
    return [path for path in (DATA / name for name in (TRAJECTORIES, *TRACES.values())) if not path.exists()]


def trajectories() -> list[Trajectory]:
    """All of them, in the order of the file."""
    traces = {kind: _requests(DATA / name) for kind, name in TRACES.items()}
    recorded = json.loads((DATA / TRAJECTORIES).read_text(encoding="utf-8"))
    return [_trajectory(item, traces) for item in recorded]


def _requests(path: Path) -> Iterator[Request]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            arrived_at = datetime.fromisoformat(row["TIMESTAMP"]).replace(tzinfo=UTC)
            yield Request(arrived_at, int(row["ContextTokens"]), int(row["GeneratedTokens"]))


def _trajectory(item: Mapping[str, Any], traces: Mapping[str, Iterator[Request]]) -> Trajectory:
    turns = [message for message in item["traj"] if message["role"] == "assistant"]
    called = [call["function"]["name"] for turn in turns for call in turn.get("tool_calls") or ()]
    with_tools = sum(1 for turn in turns if turn.get("tool_calls"))
    return Trajectory(
        id=f"task-{item['task_id']}-trial-{item['trial']}",
        reward=item["reward"],
        hand_overs=called.count(HAND_OVER),
        spoken=list(islice(traces["speaks"], len(turns) - with_tools)),
        tool_calls=list(islice(traces["calls a tool"], with_tools)),
    )
