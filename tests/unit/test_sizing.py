"""What a shop of some size takes, computed from costs with known answers."""

import pytest

from benchmarks.sizing import PAGE, Costs, Size, Visits, page, stored_costs

COSTS = Costs(
    storing=100.0,
    cached=1000.0,
    computed=200.0,
    process_mib=1024.0,
    item_bytes=1024.0,
    item_milliseconds=1e-5,
    list_milliseconds=4.0,
    trained_users=1000.0,
    epochs=20,
    listed_users=500.0,
)
VISITS = Visits(ratings=5, lists=5, new_lists=2, peak=2.0, utilisation=0.5, ratings_of_a_user=100.0)


def test_size_of_known_costs_takes_what_is_expected() -> None:
    size = Size(users=86_400, items=2**20, ratings=3.6e8)
    assert size.calls(VISITS) == pytest.approx(24.0)
    # 5/100 + 5/1000 + 2/200 seconds a user, and 7 lists with 10 ms for the catalogue; 2 users a second, half busy.
    assert size.processes(COSTS, VISITS) == 1
    assert Size(864_000, 0, 0).processes(COSTS, VISITS) == 3  # 20 × 0.065 / 0.5 = 2.6
    assert size.process_gib(COSTS) == pytest.approx(2.0)
    assert size.milliseconds(COSTS) == pytest.approx(4 + (2**20 - 1e5) * 1e-5)
    assert size.training_hours(COSTS, VISITS) == pytest.approx(20.0)
    assert size.listing_hours(COSTS, VISITS) == pytest.approx(2.0)


def test_costs_are_read_from_the_figures() -> None:
    call = {"32": {"requests": 100, "seconds": 2.0}}
    sizes = {
        "100000": {"memory_mib": 100.0, "milliseconds": {"shortlist": 4.0}},
        "1000000": {"memory_mib": 1000.0, "milliseconds": {"shortlist": 13.0}},
    }
    speed = {
        "http_load": {"service": {"PostgreSQL and Redis": {"storing": call, "cached": call, "computed": call}}},
        "million_items": {"presets": {"coldstart": sizes}},
        "training_run": {"coldstart": {"users_per_second": 7.0, "best_epoch": 3}},
        "start_up": {"workers": {"forked": {"2": 800.0}}},
    }
    costs = Costs.of(speed, {"whole": {"users": 10, "cpu_seconds": 2.0}})
    assert (costs.storing, costs.process_mib, costs.trained_users, costs.listed_users) == (50.0, 400.0, 7.0, 5.0)
    assert costs.item_bytes == pytest.approx(900 * 2**20 / 900_000)
    assert costs.item_milliseconds == pytest.approx(1e-5)


def test_page_shows_every_size() -> None:
    shown = page(COSTS, VISITS)
    assert "| API processes | 1 |" in shown
    assert "a marketplace" in shown


def test_stored_page_is_computed_from_the_stored_figures() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(stored_costs(), Visits())
