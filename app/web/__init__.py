"""The web pages: their scripts call the REST API from the browser."""
