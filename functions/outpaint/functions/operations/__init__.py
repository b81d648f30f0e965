"""What an operator does to a service that runs, in a data folder or in AWS: `outpaint keys`, `jobs`, `endpoint`."""
