"""Rolling a release out: a canary's share of the traffic grows while no alarm rings."""
