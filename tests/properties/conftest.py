"""How many examples a property is tested on: few and always the same, or KOSBERT_EXAMPLES=5000 of them, drawn anew."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = os.environ.get("KOSBERT_EXAMPLES")

settings.register_profile(
    "kosbert",
    max_examples=int(EXAMPLES or 40),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],  # files are written over
)
settings.load_profile("kosbert")
