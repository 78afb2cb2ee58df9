"""The service around the learning: HTTP, storage, jobs and the command line."""
