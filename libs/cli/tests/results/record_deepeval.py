"""Runs deepeval with metrics that need no model and has it write its result file: record_deepeval.py FOLDER."""

import os
import sys

os.environ |= {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_RESULTS_FOLDER": sys.argv[1],
    "DEEPEVAL_DISABLE_DOTENV": "1",
}

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, DisplayConfig
from deepeval.metrics import BaseMetric, ExactMatchMetric
from deepeval.test_case import LLMTestCase


class Overlap(BaseMetric):
    """The part of the expected words that are in the answer, under the name of a metric that asks a model."""

    def __init__(self, name, threshold, sign=1):
        self.named, self.threshold, self.sign = name, threshold, sign
        self.async_mode, self.evaluation_model = False, "word-overlap"

    def measure(self, case, *_, **__):
        wanted = case.expected_output.split()
        part = sum(word in case.actual_output for word in wanted) / len(wanted)
        self.score = part if self.sign > 0 else 1 - part
        self.success = self.score >= self.threshold if self.sign > 0 else self.score <= self.threshold
        self.reason = "words"
        return self.score

    async def a_measure(self, case, *_, **__):
        return self.measure(case)

    def is_successful(self):
        return self.success

    @property
    def __name__(self):
        return self.named


cases = [
    LLMTestCase(
        name="refund", input="May I have a refund?", actual_output="within 30 days", expected_output="within 30 days"
    ),
    LLMTestCase(name="hours", input="When do you open?", actual_output="at nine", expected_output="at ten o'clock"),
    LLMTestCase(input="Do you ship?", actual_output="yes", expected_output="no"),
]
metrics = [Overlap("Answer Relevancy", 0.5), Overlap("Hallucination", 0.5, -1), ExactMatchMetric()]
evaluate(cases, metrics, async_config=AsyncConfig(run_async=False), display_config=DisplayConfig(print_results=False))
