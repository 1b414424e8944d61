"""A job that does what its options say: logs, prints, counts, waits for a file, spawns a child, fails."""

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--until", type=Path, help="wait until this file exists")
    parser.add_argument("--log", action="append", default=[], help="LEVEL:text")
    parser.add_argument("--last_words", help="written to stderr at the end")
    parser.add_argument("--exit_code", type=int, default=0)
    parser.add_argument("--counter", type=int, help="value of the counter")
    parser.add_argument("--counter_name", default="lines")
    parser.add_argument("--ignore", help="a signal to ignore: SIGTERM, SIGINT")
    parser.add_argument("--drains", help="end with 0 on SIGINT")
    parser.add_argument("--grandchild", type=Path, help="start a process that sleeps; write its pid here")
    parser.add_argument("--show", type=Path, help="write arguments and environment here")
    options, _ = parser.parse_known_args()
    logging.basicConfig(level=logging.DEBUG)

    drained = []
    if options.ignore:
        signal.signal(signal.Signals[options.ignore], signal.SIG_IGN)
    if options.drains:
        signal.signal(signal.SIGINT, lambda *_: drained.append(True))
    if options.show:
        shown = {
            "arguments": sys.argv[1:],
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
            "path": sys.path,
        }
        options.show.write_text(json.dumps(shown))
    if options.grandchild:
        sleeping = subprocess.Popen(["sleep", "600"])
        options.grandchild.write_text(str(sleeping.pid))
    for entry in options.log:
        level, _, text = entry.partition(":")
        logging.log(getattr(logging, level), text)
    if options.counter is not None:
        counters = [{"namespace": "sleeper", "name": options.counter_name, "step": "Count", "value": options.counter}]
        Path(os.environ["DATAFLOW_EMULATOR_METRICS_FILE"]).write_text(json.dumps({"counters": counters}))
    print("printed to stdout")
    while options.until and not options.until.exists() and not drained:
        time.sleep(0.02)
    if options.last_words:
        sys.stderr.write(options.last_words)
    return options.exit_code


if __name__ == "__main__":
    sys.exit(main())
