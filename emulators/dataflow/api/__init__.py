"""The Dataflow API: REST and gRPC over one service."""
