"""The REST API: one module a resource, with its routes and its request and response schemas."""
