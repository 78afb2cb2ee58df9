"""The section of docs/results/speed.md about a GPU, from docs/results/gpu.json."""

import json
from pathlib import Path
from typing import Any

from benchmarks.harness import table

COMMAND = "python -m benchmarks.gpu --data DIR --out docs/results/gpu.json"


def section(file: Path) -> str:
    """The section without its heading; without figures of a GPU it says so."""
    if not file.exists():
        return f"There are no figures of a GPU yet. `{COMMAND}` measures them in six minutes."
    figures = json.loads(file.read_text(encoding="utf-8"))
    parts, where = figures["parts"], figures["environment"]
    lines = [
        f"`{COMMAND}` on {figures['data']}, {where['measured_at']}: {where['gpu'] or where['cpu']}, "
        f"torch {where['torch']}; {figures['seconds']:.0f} s.",
    ]
    lines += [f"- {name}: {_shown(part)}" for name, part in parts.items() if not name.startswith(("training", "sc"))]
    training = _rows(parts, "training", ("users_per_second", "milliseconds_per_update"))
    scoring = _rows(parts, "scoring", ("adapt_milliseconds", "adapt_and_score_milliseconds", "users_per_second"))
    shares = ["of the FLOP limit", "of the bandwidth", "peak GiB"]
    return "\n\n".join(
        [
            lines[0],
            "\n".join(lines[1:]),
            "Training. The limits are one large float32 product and one large copy, measured on the device.",
            table(["preset, users an update", "users/s", "ms an update", *shares], training),
            "Adapting to users with 20 ratings each, scoring all items and taking the best 50.",
            table(["model, items, users", "ms to adapt", "ms to adapt and score", "users/s", *shares], scoring),
        ]
    )


def _rows(parts: dict[str, Any], kind: str, numbers: tuple[str, ...]) -> list[list[str]]:
    rows = []
    for name, part in parts.items():
        if not name.startswith(f"{kind}, "):
            continue
        title = name.removeprefix(f"{kind}, ")
        if "failed" in part:
            rows.append([title, part["failed"], *[""] * (len(numbers) + 2)])
            continue
        peak = part["peak_bytes"]
        rows.append(
            [
                title,
                *(f"{part[number]:,.1f}" for number in numbers),
                f"{part['flop_share']:.1%}",
                f"{part['bandwidth_share']:.1%}",
                "" if peak is None else f"{peak / 2**30:.2f}",
            ]
        )
    return rows


def _shown(part: dict[str, Any]) -> str:
    return ", ".join(
        f"{key.replace('_', ' ')} {value:.3g}" if isinstance(value, float) else f"{key.replace('_', ' ')} {value}"
        for key, value in part.items()
    )
