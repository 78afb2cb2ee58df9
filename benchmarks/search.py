"""Search the rates and sizes of a preset, and store the search beside the presets.

    python -m benchmarks.search --data DIR --preset NAME [--trials N] [--seed S] [--epochs N] [--confirm DIR]

A trial trains the learner of the preset on the training part of the data set, and is measured on warm users that are
held out for validation. The first trial has the preset's own values. An interrupted search goes on when it is started
again, and so does a search with more trials. With --confirm, the best settings are compared with the preset's own on a
second, larger data set, with all epochs of the preset. It prints the best settings. The preset's file is changed by
hand, and only if they are better there too.
"""

import argparse
import sys
from pathlib import Path

from app.cli.training_progress import ProgressBar
from models.data.reader import read_dataset
from models.search import begin, confirm, search
from models.training.preset import load_preset
from models.training.searches import SEARCHES, Search
from models.training.threads import compute_in_one_thread


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", required=True, help="name of a preset, or path of a TOML file")
    parser.add_argument("--trials", type=int, default=20, help="how many trials there should be at the end")
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument("--epochs", type=int, help="overrides the preset, for shorter trials")
    parser.add_argument("--confirm", type=Path, help="a second data set, on which the best settings are confirmed")
    parser.add_argument("--out", type=Path, default=SEARCHES, help="directory of the searches")
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    whole_preset = load_preset(arguments.preset)
    preset = whole_preset.with_training(epochs=arguments.epochs)
    options = f" --epochs {arguments.epochs}" if arguments.epochs else ""
    other, _ = read_dataset(arguments.confirm) if arguments.confirm else (None, None)
    options += f" --confirm {other.schema.name}" if other else ""
    command = (
        f"python -m benchmarks.search --data {dataset.schema.name} --preset {arguments.preset} "
        f"--trials {arguments.trials} --seed {arguments.seed}{options}"
    )
    file = arguments.out / f"{preset.name}.json"
    begun = begin(dataset, preset, seed=arguments.seed, command=command)
    if file.exists():
        stored = Search.model_validate_json(file.read_bytes())
        if _same(stored, begun):
            begun = begun.model_copy(update={"trials": stored.trials, "best": stored.best})

    def store(found: Search) -> None:
        _write(found, file)
        trial = found.trials[-1]
        print(f"{len(found.trials)} of {arguments.trials}: {trial.value} {trial.settings}", file=sys.stderr)

    with ProgressBar() as bar:
        found = search(dataset, preset, trials=arguments.trials, begun=begun, observer=bar, trial_done=store)
        if other is not None and found.best is not None:
            found = found.model_copy(update={"confirmation": confirm(other, whole_preset, found, observer=bar)})
            _write(found, file)
    if found.best is not None:
        print(f"best {found.measure}: {found.best.value}; the preset's own: {found.trials[0].value}")
        for path, value in found.best.settings.items():
            print(f"{path} = {value}")
    if found.confirmation is not None:
        confirmed = found.confirmation
        print(f"on {confirmed.data}: {confirmed.best.value}; the preset's own: {confirmed.own.value}")


def _write(found: Search, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _same(stored: Search, begun: Search) -> bool:
    """Whether a stored search is one of the same preset on the same data."""
    left_out = {"command", "trials", "best", "confirmation"}
    return stored.model_dump(exclude=left_out) == begun.model_dump(exclude=left_out)


if __name__ == "__main__":
    main()
