"""The GPU endpoint: an HTTP server in a SageMaker container that paints jobs in shared batches."""
