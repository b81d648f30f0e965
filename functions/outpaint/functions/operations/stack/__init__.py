"""A stack in AWS as its operator looks after it, over botocore."""
