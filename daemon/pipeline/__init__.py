"""The main path, one stage per file: survey → collect → judge → guard → act → confirm; `cycle` strings them together.

Each stage declares the calls it needs as a Protocol; the composition root supplies the objects.
"""
