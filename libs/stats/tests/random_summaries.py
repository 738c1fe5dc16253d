"""Summaries with every field of the model filled, whatever fields it comes to have."""

from datetime import UTC, datetime, timedelta
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from flyball.schemas.summaries import TelemetrySummary

START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
NUMBERS = (0.0, -0.0, 1.5, -2.0, 1e300)


def random_summary(random: Random, **given: Any) -> TelemetrySummary:
    """Through the wire and back: what is merged is what readers get."""
    made = _model(TelemetrySummary, random, {"tenant": "default", "system": "support", **given})
    return TelemetrySummary.model_validate_json(made.model_dump_json())


def _model(model: type[BaseModel], random: Random, given: dict[str, Any]) -> Any:
    values = {
        name: given[name] if name in given else _value(name, field.annotation, random)
        for name, field in model.model_fields.items()
    }
    return model.model_construct(**values)


def _value(name: str, annotation: Any, random: Random) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(name, arguments[0], random)
    if origin in {Union, UnionType}:
        [inner] = [each for each in arguments if each is not NoneType]
        return _value(name, inner, random) if random.random() < 0.7 else None
    if origin is dict:
        pairs = range(random.randrange(3))
        return {_value(name, arguments[0], random): _value(name, arguments[1], random) for _ in pairs}
    if origin is tuple:
        return tuple(_value(name, arguments[0], random) for _ in range(random.randrange(3)))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _model(annotation, random, {})
    return _plain(name, annotation, random)


def _plain(name: str, annotation: Any, random: Random) -> Any:
    if annotation is int:
        low = -5 if name.endswith("_micro") else 0
        return random.choice((1, 250_000)) if name == "sampling_ppm" else random.randrange(low, 6)
    if annotation is float:
        return random.choice(NUMBERS)
    if annotation is str:
        return random.choice(("a", "b"))
    return START + timedelta(seconds=10 * random.randrange(3))
