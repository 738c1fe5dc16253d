"""deepeval's ``test_run_<time>.json`` (of ``results_folder``) or ``.deepeval/.latest_run_full.json``."""

from typing import Any, Final

from pydantic import Field

from flyball.cli.results.findings import Part, Results, document, members

TOOL: Final = "deepeval"
EXPECTED: Final = "an object with testCases, as deepeval 3 and 4 write it into results_folder"


class _Metric(Part):
    name: str
    score: float | None = None
    success: bool | None = None
    judge: str | None = Field(default=None, alias="evaluationModel")


class _Case(Part):
    name: str | None = None
    order: int | None = None
    metrics: list[Any] | None = Field(default=None, alias="metricsData")


class _Run(Part):
    identifier: str | None = None
    cases: list[Any] = Field(alias="testCases")
    conversations: list[Any] = Field(default=[], alias="conversationalTestCases")


def read(data: bytes, digest: str) -> Results:
    """Raises ``FormatError``. A metric that failed to run has neither score nor verdict: it is unjudged."""
    run = document(data, _Run, TOOL, EXPECTED)
    results = Results(TOOL, run.identifier or digest)
    for kind, cases in (("case", run.cases), ("conversation", run.conversations)):
        for index, case in members(results, cases, _Case, f"{kind}"):
            sample = f"{kind}/{index if case.order is None else case.order}/{case.name or ''}"
            for _, metric in members(results, case.metrics or [], _Metric, f"{sample}, metric"):
                results.judge(sample, metric.name, metric.score, metric.success, metric.judge or "")
    return results
