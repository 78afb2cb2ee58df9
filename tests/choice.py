"""A small choice model for tests, which trains fast."""

from models.choice.config import ChoiceConfig

SMALL_CHOICE = ChoiceConfig(dimensions=8, hidden=16, user_hidden=8, batch_users=32, updates=60, updates_per_round=30)
