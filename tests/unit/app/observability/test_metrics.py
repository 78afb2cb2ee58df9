import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.observability.metrics import Warmth

PROCESS = """
from app.observability.metrics import DEPENDENCY_UP, REQUESTS, exposition

REQUESTS.labels("GET", "/", 200).inc()
DEPENDENCY_UP.labels("database").set(True)
print(exposition().decode())
"""


@pytest.mark.parametrize(
    ("ratings", "warmth"), [(0, Warmth.COLD), (1, Warmth.FEW), (9, Warmth.FEW), (10, Warmth.MANY), (999, Warmth.MANY)]
)
def test_warmth_of_a_rating_count_is_its_range(ratings: int, warmth: Warmth) -> None:
    assert Warmth.of(ratings) is warmth


def test_exposition_of_several_processes_adds_their_counts(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    expositions = [
        subprocess.run([sys.executable, "-c", PROCESS], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]

    last = expositions[-1].stdout.splitlines()
    assert 'coldstart_http_requests_total{method="GET",route="/",status="200"} 2.0' in last
    assert 'coldstart_dependency_up{dependency="database"} 1.0' in last
