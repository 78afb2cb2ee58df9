"""Strategies that are fitted on training ratings: baselines of the benchmark.

The service does not offer them. An artifact holds no ratings, so each would need parts of its own in every artifact,
and none is better than the strategies that the service has (docs/results/elicitation.md).
"""
