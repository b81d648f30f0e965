"""A mock of the SageMaker runtime: real-time, streamed and asynchronous invocations over HTTP.

`SageMakerMock` is the behaviour, `serving_sagemaker` serves it on a port, `outpaint mock-sagemaker` does so from the
command line; docs/sagemaker-mock.md says what it does and what it does not.
"""
