"""The measures of METHODS.md, one a file: each gives one value per user, for the mean or the bootstrap over users."""
