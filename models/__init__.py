"""The learning: data, estimator, meta-learners, baselines, evaluation and artifacts. Knows no web and no SQL."""
