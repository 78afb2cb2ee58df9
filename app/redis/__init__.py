"""What the service keeps in Redis. A module is imported only if Redis is configured: redis-py takes long to import."""
