"""What was answered, and the same answer again: the prediction log and replay."""
