"""A stack in AWS, for its operator, by botocore."""
