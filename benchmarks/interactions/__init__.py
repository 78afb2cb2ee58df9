"""Lists from interactions alone: purchases, and MovieLens without its stars."""
