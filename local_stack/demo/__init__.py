"""``make demo``: three days of logs, a live minute and any logs of the user's, through the whole pipeline."""
