"""A world: the service over memory, with a clock, an id source, sources and a journal of its own."""
