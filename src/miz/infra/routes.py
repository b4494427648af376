"""Paths and what answers there: a tree of segments, so that a request costs the same with ten routes as with three hundred."""

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
        self._methods: set[str] = set()

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
        self._methods.add(method)

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """What answers to this method at `path`, and the segments taken by their names."""
        taken: list[str] = []
        found = _walk(self._root, path.split("/"), 1, taken, method)
        return (found.answers, dict(zip(found.names, taken, strict=True))) if found else None

    def methods_at(self, path: str) -> set[str]:
        """To which methods something answers at `path`."""
        return {method for method in self._methods if self.find(method, path)}


def _walk(node: _Node[T], segments: list[str], at: int, taken: list[str], method: str) -> Target[T] | None:
    if at == len(segments):
        return node.methods.get(method)
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None and (found := _walk(literal, segments, at + 1, taken, method)):
        return found
    if node.any is not None and segment:
        taken.append(segment)
        if found := _walk(node.any, segments, at + 1, taken, method):
            return found
        taken.pop()
    if node.rest is not None and method in node.rest.methods:
        taken.append("/".join(segments[at:]))
        return node.rest.methods[method]
    return None
