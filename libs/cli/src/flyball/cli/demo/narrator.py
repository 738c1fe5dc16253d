"""Says what changed, as it changes: zones, levels, steps of the rollout, drift. It asks the API, as anybody could."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flyball.cli.demo.api import Api
from flyball.cli.demo.show import Teller
from flyball.cli.demo.story import BILLING, FRAUD

POLL_SECONDS = 0.5
LINE_EVERY_POLLS = 10


@dataclass(slots=True)
class Narrator:
    api: Api
    teller: Teller
    zones: dict[tuple[str, str], str] = field(default_factory=dict)
    levels: dict[tuple[str, str], int] = field(default_factory=dict)
    drifts: set[tuple[str, str, str]] = field(default_factory=set)
    """Reports that were told: feature, severity and pane."""
    steps: list[str] = field(default_factory=list)
    rollout_id: str | None = None
    polls: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            budgets = await self.api.items("/v1/budgets")
            for line in (*self._zones(budgets), *self._levels(await self.api.items("/v1/autonomy"))):
                self.teller.say(*line)
            for line in (*self._drifts(await self.api.items(f"/v1/drift/{FRAUD}/reports")), *await self._rollout()):
                self.teller.say(*line)
            if self.polls % LINE_EVERY_POLLS == 0:
                self.teller.budgets(budgets)
            self.polls += 1
            await asyncio.sleep(POLL_SECONDS)

    def _zones(self, items: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        for item in items:
            for budget in item["budgets"]:
                key = (item["system"], budget["dimension"])
                before, self.zones[key] = self.zones.get(key), budget["zone"]
                if before in {"green", "yellow", "velocity", "caution"} and before != budget["zone"]:
                    left = budget["remaining_ppm"] // 10_000
                    yield item["system"], f"{budget['dimension']} budget {before} -> {budget['zone']}, {left} % left"

    def _levels(self, items: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        for item in items:
            key = (item["system"], item["action_class"])
            # Before the first release asks for anything, its level is the one that it will start with.
            level = item["levels"][0]["level"] if item["levels"] else item["starting_level"]
            before, self.levels[key] = self.levels.get(key), level
            if before is not None and level < before:
                yield item["system"], f"{item['action_class']}: autonomy L{before} -> L{level}, {item['reason']}"

    def _drifts(self, reports: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        """``reports`` are the newest first. Each is told once, however often it is read."""
        for report in reversed(reports):
            key = (report["feature"], report["severity"], report["pane_start"])
            if report["state"] == "drift" and key not in self.drifts:
                self.drifts.add(key)
                panes = report["evidence"]["panes"]
                told = f"feature {report['feature']} drifts, severity {report['severity']}, after {panes} panes of 10 s"
                yield report["system"], told

    async def _rollout(self) -> list[tuple[str, str]]:
        if self.rollout_id is None:
            return []
        changes = (await self.api.get(f"/v1/rollouts/{self.rollout_id}"))["changes"]
        new = changes[len(self.steps) :]
        self.steps += [change["step"] for change in new]
        return [(BILLING, f"rollout {change['step'].replace('_', ' ')}: {change['reason']}") for change in new]
