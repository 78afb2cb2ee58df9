"""The benchmark of a GPU goes the same way on a CPU, so that a GPU's few minutes are not spent on its mistakes."""

import json
from pathlib import Path

import torch

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu.page import section
from models.data.reader import read_dataset


def test_every_part_has_figures_on_a_cpu_and_the_page_shows_them(dataset_dir: Path, tmp_path: Path) -> None:
    parts = dict(gpu.parts_of(read_dataset(dataset_dir)[0], torch.device("cpu")))
    del parts["tests"]  # needs a GPU
    found = {}
    for name, part in parts.items():
        found[name] = part()
    assert found["equality, coldstart"] == {"losses": 0, "gradients": 0, "scores": 0, "same_best_10": 1}
    trained = [part for name, part in found.items() if name.startswith("training")]
    assert len(trained) == 6
    assert all(part["users_per_second"] > 0 and part["flop_share"] > 0 for part in trained)
    scored = [part for name, part in found.items() if name.startswith("scoring")]
    assert len(scored) == 4
    figures = {
        "data": "two-tastes",
        "environment": {"measured_at": "now", "gpu": None, "cpu": "a CPU", "torch": torch.__version__},
        "parts": found,
        "seconds": 1.0,
    }
    gpu.write(tmp_path / "gpu.json", figures)
    page = section(tmp_path / "gpu.json")
    assert all(name.partition(", ")[2] in page for name in found if name.startswith(("training", "scoring")))


def test_page_without_figures_says_so(tmp_path: Path) -> None:
    assert "no figures of a GPU yet" in section(tmp_path / "gpu.json")


def test_failed_part_is_shown_with_its_reason(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    where = {"measured_at": "now", "gpu": "a GPU", "cpu": "a CPU", "torch": "2"}
    parts = {"training, melu, 4096, graph": {"failed": "out of memory"}}
    gpu.write(file, {"data": "d", "environment": where, "parts": parts, "seconds": 1.0})
    assert json.loads(file.read_text())["parts"] == parts
    assert "| melu, 4096, graph | out of memory |" in section(file)
