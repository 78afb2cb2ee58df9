"""Every learner, ablation and baseline on the same episodes: docs/results/quality.{md,json} and its plots."""
