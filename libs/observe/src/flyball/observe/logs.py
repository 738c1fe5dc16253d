"""JSON lines on stderr, one object per record, with the service's name in each."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

FIELDS = "{asctime}{levelname}{name}{message}"


def configure_logging(service: str, level: str = "INFO") -> None:
    """Send every log record of this process to stderr as JSON. Call once, from a process's entry point."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            FIELDS,
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"service": service},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # aiokafka logs each rebalance at INFO from four loggers; our own one line says it once.
    for chatty in ("aiokafka", "faststream", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
