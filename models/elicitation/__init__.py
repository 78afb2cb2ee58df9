"""Evidence candidates: which items are worth asking a new user to rate (MeLU, Lee et al., KDD 2019, §3.4)."""
