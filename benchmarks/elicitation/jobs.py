"""The parts of the measurement, each kept in the work directory, in one process or several."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import track

from app.cli.training_progress import ProgressBar
from benchmarks.elicitation.measuring import Values, measured
from benchmarks.elicitation.people import draw, user_rows
from benchmarks.elicitation.strategies import Setting, interviewer
from models.artifact import load_artifact
from models.data.dataset import State
from models.data.reader import read_dataset
from models.data.splits import Split
from models.leaderboard.store import load_cells, save_cells
from models.ranking import Recommender
from models.train import train
from models.training.preset import load_preset
from models.training.threads import compute_in_one_thread

PRESET = "coldstart"


@dataclass(frozen=True)
class Job:
    """One strategy on one draw.

    Attributes:
        data: The data set's directory.
        work: The work directory of the data set.
        name: The strategy.
        seed: Of the draw.
        users: The most people.
        state: Whose ratings are used.
    """

    data: Path
    work: Path
    name: str
    seed: int
    users: int
    state: State

    def run(self) -> dict[str, Values]:
        """The values, from the work directory if they are there."""
        setting = setting_of(self.data, self.work)
        safe = "".join(letter if letter.isalnum() else "-" for letter in self.name)
        file = self.work / setting.model.version / f"{self.state.label}-{self.users}" / f"{safe}-{self.seed}.npz"
        if not file.exists():
            rows = user_rows(setting.dataset, setting.split, self.state, most=self.users)
            people = draw(setting.dataset, rows, setting.split, self.state, seed=self.seed)
            asking = interviewer(self.name, setting, seed=self.seed)
            save_cells(file, measured(asking, setting.recommender, people))
        return load_cells(file)


@cache
def setting_of(data: Path, work: Path) -> Setting:
    """The data set and its model; trains it first if that is not done yet."""
    compute_in_one_thread()
    dataset, _ = read_dataset(data)
    directory = work / PRESET
    if not (directory / "manifest.json").exists():
        with ProgressBar() as bar:
            train(dataset, load_preset(PRESET), directory, data_path=data, research_only=True, observer=bar)
    model = load_artifact(directory)
    return Setting(dataset, Split.of(dataset, model.split), model, Recommender(model, dataset.items))


def run_all(jobs: Sequence[Job], title: str, processes: int) -> None:
    """Do the jobs that are not done yet, and show progress."""
    console = Console(stderr=True)
    if processes == 1:
        for job in track(jobs, description=title, console=console):
            job.run()
        return
    # Each process computes with one thread; a forked one could hold locks of torch.
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(job.run) for job in jobs]
        for done in track(as_completed(pending), description=title, total=len(pending), console=console):
            done.result()
