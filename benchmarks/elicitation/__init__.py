"""What asking is worth: every strategy, asked to simulated new users."""
