"""The answers of the service, one module a subject."""
