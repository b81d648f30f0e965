"""The service behind the wire contract, the neutral HTTP core, and the hosts that carry them."""
