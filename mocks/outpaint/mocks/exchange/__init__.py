"""One call on its way through a world."""
