"""HTTP without a host: bodies, routes, headers and error mapping, once, for every host that carries them."""
