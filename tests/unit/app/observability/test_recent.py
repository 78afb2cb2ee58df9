from app.observability.recent import RecentCount


def test_recent_count_forgets_after_a_minute() -> None:
    now = 100.0
    recent = RecentCount(clock=lambda: now)
    recent.count()
    now = 100.9
    recent.count()
    now = 159.0
    recent.count()
    assert recent.in_last_minute == 3
    now = 160.5
    assert recent.in_last_minute == 1
    now = 300.0
    assert recent.in_last_minute == 0
