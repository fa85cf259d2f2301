"""What modules call a job that have not been told yet which it is."""

from __future__ import annotations

from typing import Any

RunConfig = Any
