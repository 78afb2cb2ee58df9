"""What can go wrong with a cluster. This module does not need Ray."""


class ClusterError(RuntimeError):
    """A cluster cannot be used; the message says what to do."""
