"""Request bodies within a bound, and what is wrong with them in a line."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

PLACE_CHARACTERS_MAX = 256
Model = TypeVar("Model", bound=BaseModel)


class BodyTooLargeError(Exception):
    """The body of a request has more bytes than any that makes sense; the text says how many are allowed."""


class InvalidBodyError(Exception):
    """What was sent is not what was asked for: ``field`` says where (empty: the whole of it), ``flaw`` what it is."""

    def __init__(self, field: str, flaw: str) -> None:
        super().__init__(f"{field or 'the body'}: {flaw}")
        self.field, self.flaw = field, flaw

    @classmethod
    def of(cls, error: ValidationError) -> "InvalidBodyError":
        return cls(*flaw_of(error))


async def read(request: Request, model: type[Model], bytes_max: int) -> Model:
    """The body, read strictly. Raises ``BodyTooLargeError`` and ``InvalidBodyError``."""
    body = await body_of(request, bytes_max)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise InvalidBodyError.of(error) from error


async def body_of(request: Request, bytes_max: int) -> bytes:
    """The whole body. Raises ``BodyTooLargeError`` as soon as it is longer: the rest is not read."""
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        length += len(part)
        if length > bytes_max:
            raise BodyTooLargeError(f"a body has {bytes_max} bytes at most")
        parts.append(part)
    return b"".join(parts)


def flaw_of(error: ValidationError) -> tuple[str, str]:
    """Where the first thing is wrong (empty: the body itself), and what. The input, maybe a secret, is not repeated."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ".".join(str(part) for part in first["loc"])[:PLACE_CHARACTERS_MAX], first["msg"]
