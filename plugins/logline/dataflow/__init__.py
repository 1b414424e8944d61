"""Dataflow: launching and awaiting jobs, their templates and manifests."""
