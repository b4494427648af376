"""Paths and what answers there: a tree of segments, so that a request costs the same with ten routes as with three hundred."""

from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Target(NamedTuple, Generic[T]):
    """What answers, and what its path calls the segments that it takes."""

    answers: T
    names: list[str]


class _Node(Generic[T]):
    __slots__ = ("any", "literals", "methods", "rest")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.any: _Node[T] | None = None  # what `{name}` leads to
        self.rest: _Node[T] | None = None  # what `{name:path}` leads to
        self.methods: dict[str, Target[T]] = {}


class Routes(Generic[T]):
    """Targets by path and method. A segment `{name}` takes any one segment, a last one `{name:path}` all that remain.

    A written segment goes before a taken one, whatever the order in which they were added.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, path: str, target: T) -> None:
        """Raises `ValueError` when something answers there already."""
        node, names = self._root, []
        for segment in path.split("/")[1:]:
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
                continue
            name, _, kind = segment.strip("{}").partition(":")
            names.append(name)
            if kind == "path":
                node.rest = node = node.rest or _Node()
            else:
                node.any = node = node.any or _Node()
        if method in node.methods:
            raise ValueError(f"{method} {path} stands there twice")
        node.methods[method] = Target(target, names)

    def find(self, path: str) -> tuple[Mapping[str, Target[T]], list[str]]:
        """What answers at `path`, by method, and the segments taken; no method where there is no such path."""
        taken: list[str] = []
        node = _walk(self._root, path.split("/"), 1, taken)
        return (node.methods if node else {}), taken


def _walk(node: _Node[T], segments: list[str], at: int, taken: list[str]) -> _Node[T] | None:
    if at == len(segments):
        return node if node.methods else None
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None and (found := _walk(literal, segments, at + 1, taken)):
        return found
    if node.any is not None and segment:
        taken.append(segment)
        if found := _walk(node.any, segments, at + 1, taken):
            return found
        taken.pop()
    if node.rest is not None:
        taken.append("/".join(segments[at:]))
        return node.rest
    return None
