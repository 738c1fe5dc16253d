"""What another service said, or since when nobody knows. A page is made of such panels, and no panel breaks it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from console.adapters.services import OtherService, UnreachableError

Item = TypeVar("Item")
PAGES_MAX = 5
"""Of one list; what is beyond is said to be."""


@dataclass(frozen=True, slots=True)
class Known(Generic[Item]):
    """``more``: the service has more than was asked for."""

    value: Item
    more: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never to be shown as 0, nor as good or bad."""

    service: str
    since: datetime
    cause: str


Panel = Known[Item] | Unknown


async def one(service: OtherService, path: str, **parameters: str | None) -> Panel[dict[str, Any]]:
    """The JSON object at ``path``."""

    async def ask() -> Panel[dict[str, Any]]:
        return Known(await _object(service, path, parameters))

    return await _heard(service, ask)


async def every(
    service: OtherService, path: str, cursor: str = "after", **parameters: str | None
) -> Panel[list[dict[str, Any]]]:
    """The items of the first ``PAGES_MAX`` pages at ``path``."""

    async def ask() -> Panel[list[dict[str, Any]]]:
        items: list[dict[str, Any]] = []
        following: Any = None
        for _ in range(PAGES_MAX):
            place = {} if following is None else {cursor: str(following)}
            page = await _object(service, path, {**parameters, **place})
            items += page["items"]
            following = page.get("next")
            if following is None:
                break
        return Known(items, more=following is not None)

    return await _heard(service, ask)


def picture(panel: Panel[Any], draw: Callable[[Any], Item]) -> Panel[Item]:
    """The same panel with what ``draw`` makes of its value; an answer of another release is unknown, not an error."""
    if isinstance(panel, Unknown):
        return panel
    try:
        return Known(draw(panel.value), panel.more)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        return Unknown(
            "the answer", datetime.now(UTC), f"it is not of this release: {type(error).__name__} {error}"[:200]
        )


async def _heard(service: OtherService, ask: Callable[[], Awaitable[Panel[Item]]]) -> Panel[Item]:
    try:
        return await ask()
    except UnreachableError as error:
        return Unknown(error.service, error.since, error.cause)
    except (KeyError, TypeError, ValueError) as error:
        return Unknown(service.name, datetime.now(UTC), f"{type(error).__name__}: {error}"[:200])


async def _object(service: OtherService, path: str, parameters: Mapping[str, str | None]) -> dict[str, Any]:
    answer = await service.ask(path, parameters)
    if answer.status != HTTPStatus.OK:
        raise ValueError(f"it answered {answer.status}")
    found = json.loads(answer.body)
    if not isinstance(found, dict):
        raise TypeError("its answer is no object")
    return found
