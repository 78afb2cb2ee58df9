"""The leaderboard: all learners and baselines on the same episodes, over several seeds."""
