"""Random commands under random faults, and what must hold after each whatever happened."""
