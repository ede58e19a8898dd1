"""Who answers a request: the local server, stages, the split of a canary, roll-outs."""
