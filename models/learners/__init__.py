"""Learners: models that become one user's model by the user's support set."""
