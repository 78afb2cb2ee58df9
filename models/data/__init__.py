"""Data sets: reading, downloading, splitting, and drawing episodes."""
