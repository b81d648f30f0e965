"""What Lambda calls: each handler a few lines over the HTTP core, the service and its adapters on AWS."""
