"""Flowmend: a rule daemon that looks after the open errors of Celigo integrator.io flows."""
