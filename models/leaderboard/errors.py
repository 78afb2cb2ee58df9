"""What can go wrong with a leaderboard as a whole."""


class LeaderboardError(RuntimeError):
    """A leaderboard cannot be made; the message says what to do."""
