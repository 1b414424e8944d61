"""The page of what was compared: docs/googlesql.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.integration.emulators.googlesql.compared import Compared, Expected, area

_INTRODUCTION = """\
# GoogleSQL on the local BigQuery

What the local BigQuery computes, beside Google's own reference implementation of GoogleSQL, which comes with the
package `zetasql`. Templates of expressions (`tests/integration/emulators/googlesql/*.yaml`) are filled with values of
each type, with NULL, limits and oddities; of whole queries the names and types of columns are compared too.
`make googlesql` compares up to {most} expressions of each template and writes this page, `make test` a few of each.

No expression of a template that agrees has another value or another type than Google's, and none that Google's refuses
is answered. Functions that are not in the templates were not compared.

| area | templates | expressions | the same | refused by both | refused here alone |
|---|---|---|---|---|---|
"""


def page(found: Mapping[str, Sequence[tuple[Expected, Compared]]], most: int) -> str:
    """Return the page, as Markdown, of what was found in each area."""
    table = "".join(_row(name, [one for _, one in of_area]) for name, of_area in found.items())
    refused = {name: list(area(name).get("refused", [])) for name in found}
    differs = {
        name: [f"{template}`: {reason}" for template, reason in area(name).get("differs", {}).items()] for name in found
    }
    return (
        _INTRODUCTION.format(most=most)
        + table
        + "\n## Refused here\n\nThese fail with an error, for all values or for some.\n"
        + _lists({name: [f"{template}`" for template in templates] for name, templates in refused.items()})
        + "\n## Other than Google's\n"
        + _lists(differs)
    )


def _row(name: str, found: Iterable[Compared]) -> str:
    found = list(found)
    counts = Counter(one.verdict for one in found)
    counted = [len({one.template for one in found}), len(found)]
    counted += [counts[verdict] for verdict in ("same", "both refuse", "refused")]
    return f"| {name} | {' | '.join(f'{count:,}' for count in counted)} |\n"


def _lists(lines: Mapping[str, Sequence[str]]) -> str:
    return "".join(f"\n{name}:\n\n" + "".join(f"- `{line}\n" for line in of) for name, of in lines.items() if of)
