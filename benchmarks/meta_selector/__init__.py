"""The selectors against their own members."""
