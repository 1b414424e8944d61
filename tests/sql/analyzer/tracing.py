"""Rendered SQL that knows the lines of its templates, and which branches of these were rendered.

Jinja keeps neither. A traced environment puts a mark before each piece of a template's text and output, and notes each
branch that is taken.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer

ROOT = Path(__file__).parents[3]
_MARK = re.compile("\ue000([0-9]+)\ue001")


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class TracedText:
    """Text, and the places it comes from."""

    def __init__(self, text: str, starts: list[int], places: list[Place]) -> None:
        self.text = text
        self._starts = starts
        self._places = places

    @classmethod
    def of_file(cls, text: str, file: str, line: int = 1) -> TracedText:
        """Return text that a file holds as it is, from a line on."""
        return cls(text, [0], [Place(file, line)])

    def place(self, offset: int) -> Place:
        """Return where the character at `offset` comes from."""
        index = bisect_right(self._starts, offset) - 1
        file, line = self._places[max(index, 0)]
        return Place(file, line + self.text.count("\n", self._starts[max(index, 0)], offset))

    def files(self, start: int, end: int) -> set[str]:
        """Return the files that the characters from `start` to `end` come from."""
        first, last = (max(bisect_right(self._starts, offset) - 1, 0) for offset in (start, end - 1))
        return {place.file for place in self._places[first : last + 1]}


@dataclass
class Trace:
    """What traced environments have rendered.

    Attributes:
        inline: what to call a template that is in no file.
        branches: each branch of each template that was loaded, and whether it was taken.
        files: the templates that were loaded.
    """

    inline: str = ""
    branches: dict[str, bool] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    _places: list[Place] = field(default_factory=list)

    def attach(self, environment: Environment) -> None:
        """Trace what `environment` renders from now on."""
        parse = environment._parse

        def traced(source: str, name: str | None, filename: str | None) -> nodes.Template:
            file = self.inline if filename is None else relative(Path(filename))
            self.files.add(file)
            tree = parse(source, name, filename)
            return _Marking(self, file).visit(tree).set_environment(environment)

        environment._parse = traced  # type: ignore[method-assign]
        environment.taken = self._taken  # type: ignore[attr-defined]
        if environment.cache is not None:
            environment.cache.clear()

    def not_taken(self) -> list[str]:
        """Return the branches that were never rendered."""
        return sorted(branch for branch, taken in self.branches.items() if not taken)

    def text(self, rendered: str) -> TracedText:
        """Return rendered text without its marks."""
        parts, starts, places = [], [], []
        length = position = 0
        for mark in _MARK.finditer(rendered):
            parts.append(rendered[position : mark.start()])
            length += mark.start() - position
            position = mark.end()
            starts.append(length)
            places.append(self._places[int(mark[1])])
        parts.append(rendered[position:])
        if not starts or starts[0]:
            starts, places = [0, *starts], [Place(self.inline, 1), *places]
        return TracedText("".join(parts), starts, places)

    def mark(self, file: str, line: int) -> str:
        """Return the mark of a line."""
        self._places.append(Place(file, line))
        return f"\ue000{len(self._places) - 1}\ue001"

    def _taken(self, branch: str, value: Any = "") -> Any:
        self.branches[branch] = True
        return value


def relative(path: Path) -> str:
    """Return a path as it is from the root of the repository; one elsewhere as it is."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


class _Marking(NodeTransformer):
    """Put marks and notes into the syntax tree of a template."""

    def __init__(self, trace: Trace, file: str) -> None:
        self._trace = trace
        self._file = file
        self._numbers = itertools.count(1)

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802 (named by Jinja)
        node.nodes = list(self._marked(node.nodes))
        return node

    def _marked(self, pieces: list[nodes.Expr]) -> Iterator[nodes.Expr]:
        for piece in pieces:
            yield nodes.TemplateData(self._trace.mark(self._file, piece.lineno), lineno=piece.lineno)
            yield self.visit(piece)

    def visit_If(self, node: nodes.If) -> nodes.If:  # noqa: N802
        for part in (node, *node.elif_):
            part.test = self.visit(part.test)
            part.body = [self._note(part, "if"), *map(self.visit, part.body)]
        node.else_ = [self._note(node, "else"), *map(self.visit, node.else_)]
        return node

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        self.generic_visit(node)
        node.body.insert(0, self._note(node, "for"))
        return node

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.CondExpr:  # noqa: N802
        self.generic_visit(node)
        node.expr1 = self._noted(node, "if", node.expr1)
        if node.expr2 is not None:
            node.expr2 = self._noted(node, "else", node.expr2)
        return node

    def visit_Or(self, node: nodes.Or) -> nodes.CondExpr:  # noqa: N802
        self.generic_visit(node)
        left = self._noted(node, "or, left", node.left)
        return nodes.CondExpr(node.left, left, self._noted(node, "or, right", node.right), lineno=node.lineno)

    def _note(self, node: nodes.Node, kind: str) -> nodes.ExprStmt:
        return nodes.ExprStmt(self._noted(node, kind, nodes.Const("")), lineno=node.lineno)

    def _noted(self, node: nodes.Node, kind: str, value: nodes.Expr) -> nodes.Call:
        branch = f"{self._file}:{node.lineno} {kind} (branch {next(self._numbers)})"
        self._trace.branches.setdefault(branch, False)
        taken = nodes.EnvironmentAttribute("taken")
        return nodes.Call(taken, [nodes.Const(branch), value], [], None, None, lineno=node.lineno)
