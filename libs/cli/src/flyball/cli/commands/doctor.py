"""`flyball doctor`: is everything there?"""

import os
from typing import TYPE_CHECKING

import typer

from flyball.cli.connection import Connection
from flyball.cli.errors import CommandError
from flyball.cli.output import Form, FormOption, show

if TYPE_CHECKING:
    from flyball.cli.checks import Finding

MARKS = {"ok": "✓", "failed": "✗", "unset": "-"}
HEADINGS = ("", "CHECK", "FOUND", "NEXT")


def doctor(context: typer.Context, output: FormOption = Form.TABLE) -> None:
    """Check programs, servers, topics and services; each cross comes with the next command."""
    import asyncio
    import logging
    from dataclasses import asdict

    from flyball.cli.checks import findings

    # What the Kafka client logs about a broker that is away is in the finding.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    connection: Connection = context.obj
    found = asyncio.run(findings(os.environ, connection.url))
    show(output, [asdict(finding) for finding in found], lambda: (HEADINGS, [_row(finding) for finding in found]))
    crosses = [finding for finding in found if finding.state == "failed"]
    if crosses:
        names = ", ".join(finding.check for finding in crosses)
        raise CommandError(f"{len(crosses)} checks failed: {names}", crosses[0].following)


def _row(finding: "Finding") -> list[str]:
    return [MARKS[finding.state], finding.check, finding.detail, finding.following]
