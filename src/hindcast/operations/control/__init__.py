"""The control API: one application, behind IAM on AWS, and behind tokens on one machine."""
