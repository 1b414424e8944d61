"""Write the settings of `docs/configuration.md` from `plugins/logline/settings.py`: `make generate`."""

from __future__ import annotations

from pathlib import Path

from logline.settings import PREFIX, Settings
from tools.marked_page import completed

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
MARKER = "<!-- From plugins/logline/settings.py by make generate: change it there. -->\n"
# What is checked elsewhere, or needed in one case only.
FREE_TEXTS = {"anonymise_key_file", "notifiers", "runbooks"}
# What a fresh installation sets.
REQUIRED = {"GOOGLE_CLOUD_PROJECT": "my-project", "LOGLINE_BUCKET": "my-bucket"}


def described_settings() -> str:
    """Return a table of every setting: its variable, what it is, its default and what it must be."""
    settings = Settings.from_environment(REQUIRED)
    lines = ["| variable | what | default | it must |", "|---|---|---|---|"]
    for field, info in Settings.model_fields.items():
        default = getattr(settings, field)
        shown = {True: "`yes`", False: "`no`", None: "not set"}.get(default, f"`{default}`")
        variable = PREFIX + field.upper()
        if variable in REQUIRED:
            shown = "**required**"
        elif field == "project":
            shown = "`GOOGLE_CLOUD_PROJECT`, else **required**"
        must = "" if field in FREE_TEXTS else Settings.must(field).replace("|", "\\|")
        lines.append(f"| `{variable}` | {info.description} | {shown} | {must} |".replace("  |", " |"))
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the whole page as it must be."""
    return completed(PAGE, MARKER, described_settings())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
