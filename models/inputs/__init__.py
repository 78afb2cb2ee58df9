"""Inputs of a learner: encoded attributes, similarities by attributes, and collaborative inputs."""
