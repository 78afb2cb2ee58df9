"""What the service does: one service a resource of the API. No HTTP and no SQL here."""
