"""Run as `python -m emulators.bigquery`."""

from emulators.bigquery.server import main

if __name__ == "__main__":
    main()
