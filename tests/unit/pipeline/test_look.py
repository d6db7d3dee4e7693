"""The second look, without a platform: which reason drops what (P3)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from daemon.core.actions import Hold, Leave, Mode, Resolve, Retry, Rule
from daemon.core.batches import Act
from daemon.core.cases import NEW_CASE, CaseHistory
from daemon.core.decisions import Match
from daemon.core.facts import Facts, NeedsData, Patched, PatchRefused
from daemon.core.plans import PlanItem
from daemon.core.policy import Caps
from daemon.core.records import ErrorRecord, RetryData, Step, StepRef
from daemon.pipeline.judge import Judge
from daemon.pipeline.look import Looked, SecondLook
from tests.makers import NOW, STEP, caps, record
