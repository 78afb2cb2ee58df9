"""Training, evaluation, comparison and lists on a Ray cluster; needs the extra `ray`. Only commands import this."""
