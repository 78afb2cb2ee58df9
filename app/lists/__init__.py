"""How lists are made of what is stored: for requests and for jobs alike."""
