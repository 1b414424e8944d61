"""A local Pub/Sub: the google.pubsub.v1 gRPC services over one SQLite file.

`python -m emulators.pubsub --state-dir DIR` serves what Google's own clients call when `PUBSUB_EMULATOR_HOST` is set.
Unlike Google's emulator it keeps its state: neither a restart nor SIGKILL loses a message that was published and not
yet acknowledged. docs/pubsub-emulator.md lists where it differs from the service.
"""
