"""The transports of a mock: how clients' requests reach a world and its answers reach the clients."""
