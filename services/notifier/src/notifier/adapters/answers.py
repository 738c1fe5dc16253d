"""What an HTTP answer means for a message that was sent."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from notifier.ports import Sent

SECONDS = re.compile(r"\d{1,9}(\.\d{1,6})?")
SEND_SECONDS_MAX = 10.0
"""For connecting, and for each wait for bytes."""
MAY_PASS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})


def meaning(status: int, body: str, retry_after: str | None, now: datetime) -> Sent:
    """2xx is done, 429 says when to come back, 5xx may pass, and anything else will not be better next time."""
    said = f"{status} {body[:200]}".strip()
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Sent("delivered", said)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Sent("later", said, seconds_until(retry_after, now))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in MAY_PASS:
        return Sent("failed", said)
    return Sent("refused", said)


def nothing_heard(error: BaseException) -> Sent:
    """No answer at all: perhaps it arrived, perhaps not."""
    return Sent("failed", f"no answer: {type(error).__name__}: {error}"[:256])


def seconds_until(retry_after: str | None, now: datetime) -> float | None:
    """``Retry-After`` in seconds or as a date; None where it says neither."""
    if retry_after is None:
        return None
    if SECONDS.fullmatch(retry_after.strip()):
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds())
