"""Write the settings of `docs/configuration.md` from `plugins/logline/settings.py`: `python -m tools.settings_page`.

Runs with `plugins` on PYTHONPATH. What stands above the marker in the page is written by hand and stays.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from logline.settings import Settings, SettingsError

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
MARKER = "<!-- From plugins/logline/settings.py by python -m tools.settings_page: change it there. -->\n"
# What a fresh installation sets.
REQUIRED = {"GOOGLE_CLOUD_PROJECT": "my-project", "LOGLINE_BUCKET": "my-bucket"}


def described_settings() -> str:
    """A table of every setting: its variable, what it is, its default and what it must be."""
    settings = Settings.from_environment(REQUIRED)
    lines = ["| variable | what | default | it must |", "|---|---|---|---|"]
    for field, text, variable in _attributes():
        default = getattr(settings, field)
        shown = {True: "`yes`", False: "`no`", None: "not set"}.get(default, f"`{default}`")
        if variable in REQUIRED:
            shown = "**required**"
        elif field == "project":
            shown = "`GOOGLE_CLOUD_PROJECT`, else **required**"
        elif default in ("[]", ""):
            shown = f"`{default}`"
        lines.append(f"| `{variable}` | {text} | {shown} | {_must(variable)} |".replace("||", "| |"))
    return "\n".join(lines) + "\n"


def _attributes() -> list[tuple[str, str, str]]:
    """Field, text and variable of each line of the class's docstring."""
    _, _, listed = inspect.cleandoc(Settings.__doc__ or "").partition("Attributes:")
    found = []
    for entry in re.split(r"\n {4}(?=\w+: )", listed)[1:]:
        field, _, text = " ".join(entry.split()).partition(": ")
        variable = re.search(r"`(LOGLINE_[A-Z_]+)`", text)
        if variable is None:
            raise ValueError(f"Settings.{field}: the docstring names no variable")
        text = re.sub(r" \(`LOGLINE_[^)]*\)", "", text).rstrip(".")
        found.append((field, text[0].upper() + text[1:], variable[1]))
    return found


def _must(variable: str) -> str:
    """What the settings say of a value that nothing is."""
    try:
        Settings.from_environment(REQUIRED | {variable: "!"})
    except SettingsError as error:
        return re.search(rf"^{variable} must (.*), it is '!'$", str(error), re.MULTILINE)[1].replace("|", "\\|")  # type: ignore[index]
    return ""


def page() -> str:
    """The whole page as it must be."""
    by_hand, marker, _ = PAGE.read_text(encoding="utf-8").partition(MARKER)
    if not marker:
        raise ValueError(f"{PAGE} lacks the line {MARKER.strip()}")
    return by_hand + MARKER + "\n" + described_settings()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
