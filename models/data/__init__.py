"""Data sets: reading, downloading, splitting and sampling episodes."""
