"""Work that takes longer than a request: the queue, the workers, and what they do."""
