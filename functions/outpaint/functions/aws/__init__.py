"""The ports on AWS: DynamoDB, S3 and SageMaker, over botocore."""
