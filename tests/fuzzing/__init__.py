"""Generated requests against a running provider: Schemathesis with our hooks, started by `make fuzz`."""
