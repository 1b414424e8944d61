"""Refresh what the page ships of others' code: `make vendored VERSION=1.6.32`.

uPlot is taken from the npm registry as npm packs it, at the version that is named, else at the newest.
"""

import argparse
import subprocess
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "plugins" / "logline" / "page" / "static" / "vendor"
FILES = {"dist/uPlot.esm.js": "uplot.js", "dist/uPlot.min.css": "uplot.css", "LICENSE": "LICENSE"}
README = """\
uPlot {version}, MIT licence, see LICENSE.

`make vendored` refreshes these files from the npm registry: tools/vendored.py.
"""


def main() -> None:
    """Take the files out of the package."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", nargs="?", default="latest", help="of uPlot")
    version = parser.parse_args().version
    with tempfile.TemporaryDirectory() as folder:
        packed = ["npm", "pack", "--silent", f"--pack-destination={folder}", f"uplot@{version}"]
        name = subprocess.run(packed, check=True, capture_output=True, text=True).stdout.strip()
        with tarfile.open(Path(folder, name)) as package:
            for source, target in FILES.items():
                member = package.extractfile(f"package/{source}")
                if member is None:
                    raise FileNotFoundError(f"{name} has no {source}")
                (VENDOR / target).write_bytes(member.read())
    (VENDOR / "README.md").write_text(README.format(version=name.removeprefix("uplot-").removesuffix(".tgz")), "utf-8")


if __name__ == "__main__":
    main()
