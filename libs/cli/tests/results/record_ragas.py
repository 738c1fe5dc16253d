"""Runs ragas with metrics that need no model and writes its table as CSV and JSON lines: record_ragas.py FOLDER."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

os.environ["RAGAS_DO_NOT_TRACK"] = "true"

from ragas import EvaluationDataset, evaluate
from ragas.metrics import ExactMatch, NonLLMStringSimilarity, StringPresence
from ragas.metrics.base import MetricType, SingleTurnMetric


@dataclass
class Faithfulness(SingleTurnMetric):
    """The part of the answer's words that are in what was retrieved; the real one asks a model."""

    name: str = "faithfulness"
    _required_columns: dict = field(
        default_factory=lambda: {MetricType.SINGLE_TURN: {"response", "retrieved_contexts"}}
    )

    def init(self, run_config):
        pass

    async def _single_turn_ascore(self, sample, callbacks):
        words = sample.response.split()
        return (
            sum(word in " ".join(sample.retrieved_contexts) for word in words) / len(words) if words else float("nan")
        )


ROWS = [
    ("May I have a refund?", "within 30 days", "within 30 days", ["Refunds are given within 30 days."]),
    ("When do you open?", "at nine", "at ten", ["We open at ten."]),
    ("Do you ship to Norway?", "", "yes, we do", ["We ship to Norway and Sweden."]),
]
names = ("user_input", "response", "reference", "retrieved_contexts")
dataset = EvaluationDataset.from_list([dict(zip(names, row, strict=True)) for row in ROWS])
result = evaluate(
    dataset, metrics=[Faithfulness(), ExactMatch(), NonLLMStringSimilarity(), StringPresence()], show_progress=False
)
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
result.to_pandas().to_csv(folder / "ragas.csv", index=False)
result.to_pandas().to_json(folder / "ragas.jsonl", orient="records", lines=True)
