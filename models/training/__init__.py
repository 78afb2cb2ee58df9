"""Meta-training: presets, the trainer, checkpoints and learning curves."""
