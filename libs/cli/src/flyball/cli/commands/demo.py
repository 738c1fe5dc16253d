"""`flyball demo`: a day of three agents in a minute."""

from typing import Annotated

import typer

PACE_SECONDS = 0.4


def demo(
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 7,
    pace_seconds: Annotated[
        float, typer.Option(min=0, max=10, help="Pause after each quarter of an hour.")
    ] = PACE_SECONDS,
) -> None:
    """Start everything in this process, play a day of three agents, watch the budgets fall, and recount."""
    import asyncio

    from rich.console import Console

    from flyball.cli.demo.run import run_demo
    from flyball.observe.logs import configure_logging

    configure_logging("flyball demo", "ERROR")
    raise typer.Exit(asyncio.run(run_demo(seed, pace_seconds, Console())))
