"""What the pages say about the repository: the README's example, and the paths and links of all pages."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("deploy/**/*.md"),
    *ROOT.glob("packages/*/README.md"),
]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}


def test_the_readmes_example_prints_what_stands_below_it():
    (example, printed), *others = re.findall(
        r"```python\n(.*?)```\n\n```\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert not others
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(example, "README.md", "exec"), {})
    assert output.getvalue() == printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_paths_and_links_of_a_page_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    # `dags/sql/<table>/schema.sql` and `dags/templates/*.json` mean whatever is there.
    paths = {path.rstrip("/.") for path in re.findall(r"[\w.-]+/[\w./<>*-]*", text)}
    paths = {re.sub(r"<\w+>", "*", path) for path in paths if path.partition("/")[0] in FOLDERS}
    assert not sorted(path for path in paths if not any(ROOT.glob(path)))
    links = set(re.findall(r"\]\(([^)#:\s]+)[)#]", text))
    assert not sorted(link for link in links if not (page.parent / link).exists())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_modules_that_a_page_runs_are_there(page):
    modules = re.findall(
        r"python -m ((?:beam_jobs|emulators|local_stack|tools)[\w.]*\w)", page.read_text(encoding="utf-8")
    )
    paths = [ROOT.joinpath(*module.split(".")) for module in modules]
    assert not [str(path) for path in paths if not path.is_dir() and not path.with_suffix(".py").is_file()]


NAMES_OF_TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in (path.stem, *re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")))
}


@pytest.mark.parametrize("page", [page for page in PAGES if "packages" not in page.parts], ids=lambda page: page.name)
def test_the_tests_that_a_page_names_are_there(page):
    assert not set(re.findall(r"\btest_\w+", page.read_text(encoding="utf-8"))) - NAMES_OF_TESTS
