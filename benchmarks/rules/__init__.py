"""What diversity, repetition and exploration change in lists."""
