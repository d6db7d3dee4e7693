"""Telling people: what is said, through which channel, how often, and until a channel has taken it."""
