"""What the state machines ask of Hindcast, between the steps that AWS runs for them."""
