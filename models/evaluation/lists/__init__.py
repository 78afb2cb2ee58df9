"""The protocol for lists: the whole catalogue is ranked for new users."""
