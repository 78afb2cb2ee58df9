"""Search the rates and sizes of a preset, and store the search beside the presets.

    python -m benchmarks.search --data DIR --preset NAME [--trials N] [--seed S] [--epochs N]

A trial trains the learner of the preset on the training part of the data set, and is measured on warm users that are
held out for validation. The first trial has the preset's own values. An interrupted search goes on when it is started
again, and so does a search with more trials. It prints the best settings; the preset's file is changed by hand.
"""

import argparse
import sys
from pathlib import Path

from app.cli.training_progress import ProgressBar
from models.data.reader import read_dataset
from models.search import begin, search
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
    parser.add_argument("--out", type=Path, default=SEARCHES, help="directory of the searches")
    arguments = parser.parse_args()
    compute_in_one_thread()
    dataset, _ = read_dataset(arguments.data)
    preset = load_preset(arguments.preset).with_training(epochs=arguments.epochs)
    options = f" --epochs {arguments.epochs}" if arguments.epochs else ""
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
        arguments.out.mkdir(parents=True, exist_ok=True)
        file.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
        trial = found.trials[-1]
        print(f"{len(found.trials)} of {arguments.trials}: {trial.value} {trial.settings}", file=sys.stderr)

    with ProgressBar() as bar:
        found = search(dataset, preset, trials=arguments.trials, begun=begun, observer=bar, trial_done=store)
    if found.best is not None:
        print(f"best {found.measure}: {found.best.value}; the preset's own: {found.trials[0].value}")
        for path, value in found.best.settings.items():
            print(f"{path} = {value}")


def _same(stored: Search, begun: Search) -> bool:
    """Whether a stored search is one of the same preset on the same data."""
    left_out = {"command", "trials", "best"}
    return stored.model_dump(exclude=left_out) == begun.model_dump(exclude=left_out)


if __name__ == "__main__":
    main()
