"""The HTTP core: routes, bodies, headers and error mapping, once for all hosts; opens no socket."""
