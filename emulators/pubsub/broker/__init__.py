"""Topics, subscriptions and their backlogs in memory."""
