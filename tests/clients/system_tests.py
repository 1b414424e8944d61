"""Run the system tests of Google's Python client of Pub/Sub, which its source archive has, against the emulator.

``python -m tests.clients.system_tests``: it takes the archive of the installed version, and what its tests import, from
the package index into a temporary folder, and prints a row for each test.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from emulators.guard.authorized_user import authorized_user
from tests.integration.emulators.pubsub.targets import running_emulator

_PACKAGE = "google-cloud-pubsub"
_TEST_PACKAGES = ("google-cloud-testutils", "flaky", "mock")
# With PUBSUB_EMULATOR_HOST this client can only be made for gRPC: it hands a channel to each transport.
_SELECTION = "not rest"


def main() -> int:
    """Print the table; returns 1 where a test fails by anything but what the emulator does not offer."""
    with tempfile.TemporaryDirectory() as folder, running_emulator(Path(folder, "state")) as emulator:
        report = _run(Path(folder), emulator.address)
        results = list(_results(report))
    print("| test | result |\n|---|---|")
    for name, result in results:
        print(f"| `{name}` | {result} |")
    counts = Counter(result.partition(":")[0] for _, result in results)
    print("\n" + ", ".join(f"{count} {result}" for result, count in counts.items()))
    return 1 if counts["failed"] else 0


def _run(folder: Path, address: str) -> Path:
    """Download and run the tests; returns pytest's report."""
    archive = f"{_PACKAGE}=={importlib.metadata.version(_PACKAGE)}"
    _pip("download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", folder, archive)
    _pip("install", "--no-deps", "--target", folder / "packages", *_TEST_PACKAGES)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as opened:
        opened.extractall(folder, filter="data")
    (tests,) = folder.glob("*/tests/system.py")
    credentials, report = folder / "credentials.json", folder / "report.xml"
    credentials.write_text(json.dumps(authorized_user("unused")))
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder / "packages"),
        "PUBSUB_EMULATOR_HOST": address,
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "GOOGLE_CLOUD_PROJECT": "system-tests",
    }
    options = ("-p", "no:bqemulator", "-k", _SELECTION, "--timeout=180", f"--junit-xml={report}", "--quiet")
    command = [sys.executable, "-m", "pytest", *options, str(tests)]
    subprocess.run(command, cwd=tests.parents[1], env=environment, stdout=sys.stderr, check=False)
    return report


def _pip(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *map(str, arguments)], stdout=sys.stderr, check=True)


def _results(report: Path) -> Iterator[tuple[str, str]]:
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = next(
            (found for kind in ("failure", "error", "skipped") if (found := case.find(kind)) is not None), None
        )
        if outcome is None:
            result = "passed"
        else:
            reason = (outcome.get("message") or "").strip().splitlines()[0]
            is_refusal = "The Pub/Sub emulator does not support" in reason
            result = f"{'not offered' if is_refusal else 'skipped' if outcome.tag == 'skipped' else 'failed'}: {reason}"
        yield str(case.get("name")), result


if __name__ == "__main__":
    sys.exit(main())
