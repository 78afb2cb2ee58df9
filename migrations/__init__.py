"""Alembic's environment and the revisions, packaged so that the service can migrate its database itself."""
