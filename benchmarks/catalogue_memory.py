"""Memory of a process with a model and a catalogue that has recommended items.

`python -m benchmarks.catalogue_memory ARTIFACT SIZE` prints MiB. It imports only what the ranking of the service
imports, so that data and plots of another benchmark are not measured.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.larger_catalogue import part_of
from models.artifact import load_artifact
from models.ranking import ItemRating, RankingQuery, Recommender
from models.ranking.catalogue import Catalogue
from models.training.threads import compute_in_one_thread


def memory_mib(artifact: Path, size: int) -> float:
    """Resident MiB of a fresh process that serves lists from a catalogue of `size` items."""
    command = [sys.executable, "-m", __name__, str(artifact), str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this module
    return float(done.stdout)


def _main(artifact: Path, size: int) -> None:
    compute_in_one_thread()
    model = load_artifact(artifact)
    recommender = Recommender.over(Catalogue.of_part(part_of(model, size)))
    for ratings in ([], [ItemRating(model.items.ids[0], model.schema.rating_scale.maximum)]):
        recommender.recommend(RankingQuery(attributes={}, ratings=ratings, n=10))
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    print(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
