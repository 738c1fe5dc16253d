"""System specs in YAML, whose errors say on which line they are."""

from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml
from pydantic import ValidationError

from flyball.schemas.expected import unknown_expectations
from flyball.schemas.registry import SystemSpec

BYTES_MAX: Final = 1_048_576
NODES_MAX: Final = 20_000
DEPTH_MAX: Final = 32
DOCUMENTS_MAX: Final = 1_000
ERRORS_MAX: Final = 50

Path = tuple[str | int, ...]


class SpecError(Exception):
    """What is wrong, each as ``line:column: field: cause``."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def read_specs(text: bytes) -> list[SystemSpec]:
    """The systems of one file, a YAML document each. Raises ``SpecError`` with all that is wrong."""
    if len(text) > BYTES_MAX:
        raise SpecError([f"1:1: the file has more than {BYTES_MAX} bytes"])
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SpecError([f"{_place(mark)}: {error.problem or error.context}"]) from error
    except RecursionError as error:
        raise SpecError([f"1:1: nested more than {DEPTH_MAX} levels deep"]) from error
    except yaml.YAMLError as error:
        raise SpecError([f"1:1: {' '.join(str(error).split())}"]) from error
    if not roots or len(roots) > DOCUMENTS_MAX:
        raise SpecError([f"1:1: the file has {len(roots)} documents; 1 to {DOCUMENTS_MAX} are allowed"])
    return _unique([_spec(root) for root in roots], roots)


def _unique(specs: list[SystemSpec], roots: list[Any]) -> list[SystemSpec]:
    seen: set[str] = set()
    for spec, root in zip(specs, roots, strict=True):
        if spec.system in seen:
            raise SpecError([f"{_place(root.start_mark)}: system: {spec.system} appears twice in this file"])
        seen.add(spec.system)
    return specs


def _spec(root: yaml.Node) -> SystemSpec:
    document = _Document()
    values = document.read(root, ())
    if document.flaws:
        raise SpecError(document.flaws)
    try:
        # Readers ignore what they do not know; in a file that a person wrote, it is a typing error.
        spec = SystemSpec.model_validate(values, extra="forbid")
    except ValidationError as error:
        raise SpecError(list(document.located(error))) from error
    if unknown := [document.line(path, cause) for path, cause in unknown_expectations(spec.telemetry)]:
        raise SpecError(unknown)
    return spec


class _Document:
    """Plain values of one YAML document, and where each of them stands."""

    def __init__(self) -> None:
        self.flaws: list[str] = []
        self._places: dict[Path, yaml.Mark] = {}
        self._nodes = 0
        self._constructor = yaml.SafeLoader("")

    def read(self, node: yaml.Node, path: Path) -> Any:
        self._places.setdefault(path, node.start_mark)
        self._nodes += 1
        # An alias of an alias of an alias can make a small file a huge document.
        if self._nodes > NODES_MAX:
            raise SpecError([f"{_place(node.start_mark)}: more than {NODES_MAX} values in one system"])
        if len(path) > DEPTH_MAX:
            raise SpecError([f"{_place(node.start_mark)}: nested more than {DEPTH_MAX} levels deep"])
        if isinstance(node, yaml.MappingNode):
            return dict(self._members(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _members(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        seen: set[Hashable] = set()
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str) or key in seen:
                self.flaws.append(
                    f"{_place(key_node.start_mark)}: {_dotted((*path, str(key)[:64]))}: the key appears twice"
                )
                continue
            seen.add(key)
            self._places[(*path, key)] = key_node.start_mark
            yield key, self.read(value_node, (*path, key))

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            cause = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
            self.flaws.append(f"{_place(node.start_mark)}: {cause}")
            return None

    def located(self, error: ValidationError) -> Iterator[str]:
        for item in error.errors(include_url=False, include_input=False)[:ERRORS_MAX]:
            cause = "there is no such field" if item["type"] == "extra_forbidden" else item["msg"]
            yield self.line(tuple(item["loc"]), cause)

    def line(self, steps: Path, cause: str) -> str:
        field = f"{_dotted(steps)}: " if steps else ""
        return f"{_place(self._nearest(steps))}: {field}{cause}"

    def _nearest(self, steps: Path) -> yaml.Mark:
        """Where the field stands, or what should have held it."""
        while steps not in self._places:
            steps = steps[:-1]
        return self._places[steps]


def _dotted(steps: Path) -> str:
    return ".".join(str(step) for step in steps)


def _place(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}" if mark is not None else "1:1"
