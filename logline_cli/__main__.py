"""`python -m logline_cli` is the command `logline`."""

import sys

from logline_cli.command import main

if __name__ == "__main__":
    sys.exit(main())
