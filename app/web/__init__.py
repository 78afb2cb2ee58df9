"""The pages: clients of the REST API that a browser runs, and what serves them."""
