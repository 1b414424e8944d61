"""The SQL of documentation and notebooks."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.sql.analyzer.scripts import Script
from tests.sql.analyzer.tracing import ROOT, TracedText, relative

_BLOCK = re.compile(r"^( *)```sql\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\s[^`]*\sFROM\s[^`]*)`")
_COMMAND = re.compile(r"^\s*bq query .*\"(.*)\"$", re.MULTILINE)
# Of the commands' shell variables.
_SHELL = {"$1": "dataEditor", "$4": "logline", "$6": "somebody@example.com", "\\`": "`"}
# What the tools that documents speak of bind.
LOOKER_STUDIO = {"DS_START_DATE": "STRING", "DS_END_DATE": "STRING"}
# Of the datasets that documents name.
DATASET, PROJECT = "logline", "my-project"


def documents() -> list[Path]:
    """Return every page of documentation."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def notebooks() -> list[Path]:
    """Return every notebook."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def document_scripts(path: Path) -> Iterator[Script]:
    """Return the SQL of a page: its blocks, queries within lines, and commands."""
    page = path.read_text(encoding="utf-8")
    name = relative(path)
    for pattern, group in ((_BLOCK, 2), (_INLINE, 1), (_COMMAND, 1)):
        for found in pattern.finditer(page):
            sql = found[group]
            if pattern is _COMMAND:
                for word, value in _SHELL.items():
                    sql = sql.replace(word, value)
            line = page.count("\n", 0, found.start(group)) + 1
            yield Script(name, TracedText.of_file(sql, name, line), LOOKER_STUDIO if "@DS_" in sql else {})


def notebook_scripts(path: Path) -> Iterator[Script]:
    """Return the queries that a notebook hands to its function `read`, which binds days as DATE."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    days: dict[str, list[str]] = {}
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)):
                    days[name] = [key.value for key in keys if isinstance(key, ast.Constant)]
                case ast.Call(func=ast.Name(id="read"), args=[ast.Constant(value=sql)], keywords=keywords):
                    names = [name for word in keywords for name in ([word.arg] if word.arg else days[word.value.id])]
                    file, line = f"{relative(path)}, cell {number}", node.args[0].lineno
                    text = TracedText.of_file(sql.format(dataset=DATASET), file, line)
                    yield Script(relative(path), text, dict.fromkeys(names, "DATE"))
