"""The example in Python at the top of README.md."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_example_prints_what_stands_below_it():
    (example, printed), *others = re.findall(
        r"```python\n(.*?)```\n\n```\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    assert not others
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(example, README, "exec"), {})
    assert output.getvalue() == printed
