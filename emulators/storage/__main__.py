"""Run as `python -m emulators.storage`."""

from emulators.storage.server import main

if __name__ == "__main__":
    main()
