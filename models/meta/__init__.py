"""Meta-learning: the learners, their presets, and the trainer they share."""
