"""`flyball topics diff|apply`: the broker against the table of topics."""

import asyncio
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from flyball.cli.errors import ERROR, UNREACHABLE, USAGE, CommandError
from flyball.cli.output import Form, FormOption, note, show

if TYPE_CHECKING:
    from flyball.bus.settings import KafkaSettings
    from flyball.bus.topics import TopicDifference

application = typer.Typer(help="Topics of the broker in FLYBALL_KAFKA.", no_args_is_help=True)
HEADINGS = ("TOPIC", "SETTING", "WANTED", "FOUND", "ACTION")


@application.command("diff")
def diff(
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 if anything differs.")] = False,
    output: FormOption = Form.TABLE,
) -> None:
    """What the broker has otherwise than Flyball needs."""
    found = run(change=False)
    _show(output, found)
    note("flyball topics apply changes this" if found else "the topics are as they should be")
    if found and check:
        raise CommandError(f"{len(found)} settings differ", "flyball topics apply", ERROR)


@application.command("apply")
def apply(output: FormOption = Form.TABLE) -> None:
    """Create what is missing, add partitions, alter settings. Takes nothing away; safe to run again."""
    changed = run(change=True)
    _show(output, changed)
    note(f"changed {len(changed)} settings" if changed else "the topics were as they should be")


def run(*, change: bool) -> "list[TopicDifference]":
    """The differences, after they were done away with if ``change``. Raises ``CommandError``."""
    from flyball.bus.errors import Transient

    try:
        return asyncio.run(_run(kafka_settings(), change=change))
    except Transient as error:
        raise CommandError(str(error), "flyball doctor, or flyball up for a local stack", UNREACHABLE) from error
    except RuntimeError as error:
        # The root of the Kafka client's errors: what the broker refused, or, as the embedded one, cannot do at all.
        raise CommandError(f"the broker refuses: {error}", "flyball up --kafka, or see the broker's log") from error


def kafka_settings() -> "KafkaSettings":
    """From the environment. Raises ``CommandError`` naming the variable that is missing or wrong."""
    from flyball.bus.settings import KafkaSettings
    from flyball.observe.settings import SettingsError

    try:
        return KafkaSettings.from_environment(os.environ)
    except SettingsError as error:
        raise CommandError(str(error).strip(), "export FLYBALL_KAFKA=host:port", USAGE) from error


async def _run(settings: "KafkaSettings", *, change: bool) -> "list[TopicDifference]":
    from flyball.bus.topics import open_topic_admin
    from flyball.schemas.topics import TOPICS

    async with open_topic_admin(settings) as admin:
        return await admin.apply(TOPICS) if change else await admin.diff(TOPICS)


def _show(output: Form, found: "list[TopicDifference]") -> None:
    rows = [(item.topic, item.setting, item.wanted, item.found, item.action) for item in found]
    show(output, [asdict(item) for item in found], lambda: (HEADINGS, rows))
