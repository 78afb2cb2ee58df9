"""The shortlist of a large catalogue against vector indexes."""
