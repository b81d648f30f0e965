"""Pictures in: files judged by their headers, stripped of metadata, decoded, and read as canvas and keep map."""
