"""The client for integrator.io: ``protocol`` and ``pages`` are pure, ``transport`` is the wire, ``client`` asks and tells.

aiohttp's exceptions never leave this package; the token never leaves it but for the configured origin.
"""
