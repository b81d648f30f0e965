"""What Lambda calls: handlers over the HTTP core, the service and its adapters on AWS."""
