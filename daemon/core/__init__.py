"""The pure centre: what an error, a case, a rule's action and a decision are, and how one follows from the other.

Nothing in here does I/O, reads a clock, logs or imports a third party. Time is an argument.
"""
