"""A local Pub/Sub: the google.pubsub.v1 gRPC services over one SQLite file, or in memory.

`python -m emulators.pubsub` serves what Google's own clients call when `PUBSUB_EMULATOR_HOST` is set. With a state
folder, unlike Google's emulator, neither a restart nor SIGKILL loses a message that was published and not yet
acknowledged. Its documentation lists where it differs from the service.
"""

__version__ = "0.1.0"
