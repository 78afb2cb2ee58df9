"""Benchmarks of speed and quality. The tests do not run them."""
