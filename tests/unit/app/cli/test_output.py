"""Tables cut no id and no number, whatever the width, and fit where a word does not exceed it."""

import pytest

from app.cli.output import print_figures, print_list, print_text

IDS = ("coldstart-ea2b4c6f0a1b", "a-preset-with-a-long-name-of-its-own-coldstart-2026-0123456789ab", "[red]x[/red]")
PATHS = tuple(f"/srv/{'models/' * place}{name}" for place, name in enumerate(IDS, start=3))
TITLES = ("version", "created", "active", "path")
LIST = [(version, "2026-11-30 09:15", "yes", path) for version, path in zip(IDS, PATHS, strict=True)]
FIGURES = [(name, *(f"{row + column / 1000:.3f} ±0.012" for column in range(7))) for row, name in enumerate(IDS[:1])]


@pytest.fixture(params=["60", "80", "200", None])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """The width of the terminal; None for a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if request.param is None:
        return None
    monkeypatch.setenv("COLUMNS", request.param)
    return int(request.param)


def test_list_shows_every_id_in_one_piece(width: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    print_list(TITLES, LIST)
    shown = capsys.readouterr().out

    assert "…" not in shown
    words = shown.split()
    for cell in (*IDS, *PATHS):
        assert words.count(cell) == 1
    assert "version" in shown or width in {60, 80}  # blocks begin with the id itself


def test_figures_show_every_number_and_fit(width: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    print_figures(("name", *(f"measure\n{place}" for place in range(7))), FIGURES)
    shown = capsys.readouterr().out

    assert "…" not in shown
    for row in FIGURES:
        for cell in row[1:]:
            assert cell in shown
    if width is not None:
        assert max(map(len, shown.splitlines())) <= width
    else:
        assert sum(FIGURES[0][0] in line for line in shown.splitlines()) == 1


def test_figures_beside_a_name_as_wide_as_the_terminal_are_below_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_figures(("name", "MAE", "mean\nerror"), [(IDS[1], "0.671", "0.702")])

    assert capsys.readouterr().out.splitlines() == [IDS[1], "  MAE         0.671", "  mean error  0.702"]


def test_text_breaks_between_words_only(width: int | None, capsys: pytest.CaptureFixture[str]) -> None:
    print_text(f"compared with {IDS[1]}: it is better on held-out users, by 0.0123 rating points on average.")
    shown = capsys.readouterr().out

    assert IDS[1] in shown
    assert "held-out" in shown
    if width in {200, None}:
        assert shown.count("\n") == 1
