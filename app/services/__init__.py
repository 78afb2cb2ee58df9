"""What the service does, in terms of neither HTTP nor SQL."""
