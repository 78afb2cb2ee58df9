"""Heads: from what a learner knows of a rating to a prediction on the rating scale."""
