"""How the core's properties are tried."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # a busy machine is no bug
settings.load_profile("unhurried")
