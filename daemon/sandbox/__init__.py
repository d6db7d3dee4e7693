"""An integrator.io on loopback, for tests, demonstrations and trying out rules.

It speaks the documented API with its quirks, holds a seeded world of errors, goes wrong where told to, and knows the
truth about every record. It shares no code with the client: a misreading of the API must not stay hidden.
"""

from daemon.sandbox.faults import Fault, parse_faults
from daemon.sandbox.options import Options
from daemon.sandbox.server import Sandbox
from daemon.sandbox.worlds import make_world

__all__ = ["Fault", "Options", "Sandbox", "make_world", "parse_faults"]
