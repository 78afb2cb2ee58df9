"""The choice model: would this user choose the item."""
