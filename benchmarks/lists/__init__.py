"""Lists of new users: the preset `coldstart` and every baseline for lists."""
