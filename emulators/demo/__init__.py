"""``make demo``: three days of logs, and any of the user's own, through the whole pipeline on one machine."""
