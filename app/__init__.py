"""The service around the learning: HTTP, storage, jobs and the command line."""

import gc

# Python looks for cycles of garbage whenever 700 more objects exist. Imports make hundreds of thousands of objects, all
# of which stay, and the search takes a quarter of the start-up.
gc.set_threshold(50_000, 10, 10)
