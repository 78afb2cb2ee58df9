"""What the service tells those who run it: metrics, logs and traces. Of the service's own layers it knows none."""
