"""The consumer report: what a client's calls say about how well it behaves."""
