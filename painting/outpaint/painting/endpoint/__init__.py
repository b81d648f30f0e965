"""The GPU endpoint: an HTTP server in a SageMaker container that paints jobs by reference, in shared batches."""
