"""`flyball demo`: what Flyball does, in a minute."""

from typing import Annotated

import typer


def demo(
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 7,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up at the end, to look around; Ctrl-C ends it.")] = False,
) -> None:
    """Start everything in this process: a bad release, a drift, a page, a rollback; and proof at the end."""
    import asyncio

    from rich.console import Console

    from flyball.cli.demo.run import run_demo
    from flyball.observe.logs import configure_logging

    configure_logging("flyball demo", "ERROR")
    raise typer.Exit(asyncio.run(run_demo(seed, Console(), keep=keep)))
