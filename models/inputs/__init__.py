"""Inputs of a learner: encoded attributes, similarity by content, and what ratings tell about items."""
