"""Commands for a service's operator, in a data folder or in AWS: `outpaint keys`, `jobs`, `endpoint`, `doctor`."""
