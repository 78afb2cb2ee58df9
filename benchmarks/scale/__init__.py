"""Data sets of any size, and what each rating costs."""
