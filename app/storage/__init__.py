"""The database: tables, sessions, and one repository a resource. All SQL of the service is in this package."""
