"""A local Dataflow: the v1b3 REST API and the v1beta3 gRPC API over jobs that run as child processes.

A Flex Template launch reads the container spec from Cloud Storage or a folder, checks the parameters, and runs the
entry point that the image's name stands for. `python -m emulators.dataflow --help` tells how to start it; its
documentation says where it differs from the real service.

Imports run one way: `api` > `launch`, `process` > `jobs` > `errors`.
"""

__version__ = "0.1.0"
