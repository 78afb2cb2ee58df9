"""Elicitation: choosing the items that a new user is asked to rate (MeLU, Lee et al., KDD 2019, §3.4)."""
