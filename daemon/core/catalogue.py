"""What an account consists of: its integrations and flows, as they were last listed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from daemon.core.records import Flow, Integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Integrations and flows by id, in the order in which the platform listed them; *read_at* None means never."""

    integrations: Mapping[str, Integration] = field(default_factory=dict)
    flows: Mapping[str, Flow] = field(default_factory=dict)
    read_at: datetime | None = None
