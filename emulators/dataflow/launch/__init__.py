"""A Flex Template launch, from the request to the command of the job's entry point."""
