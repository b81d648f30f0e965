"""The faces of a mock: thin ways by which clients' requests reach a world and its answers come back."""
