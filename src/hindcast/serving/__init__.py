"""What answers requests: a release folder and the online store, and nothing else of Hindcast."""
