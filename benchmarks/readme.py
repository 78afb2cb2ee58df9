"""Writing tables into the README."""

from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def replace_between_markers(path: Path, markers: tuple[str, str], text: str) -> None:
    """Replace the text between two markers of a Markdown file."""
    before, rest = path.read_text(encoding="utf-8").split(markers[0])
    _, after = rest.split(markers[1])
    path.write_text(f"{before}{markers[0]}\n{text}\n{markers[1]}{after}", encoding="utf-8")
