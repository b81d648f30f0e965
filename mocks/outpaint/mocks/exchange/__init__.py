"""One call to a world, from its request to its answer."""
