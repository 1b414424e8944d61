"""A believable site: persons, crawlers, an attack and an outage, by a seed, with everything that was drawn counted."""
