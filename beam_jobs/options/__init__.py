"""Parameters of the jobs: command line, Flex Template, checks of values."""
