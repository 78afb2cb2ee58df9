"""A simulated week of a shop, whose visitors behave as the ratings of a data set say."""
