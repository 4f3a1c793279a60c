"""What the pytest fixtures are made of. Nothing here is imported before a test asks for one of them."""
