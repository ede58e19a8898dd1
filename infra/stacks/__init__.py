"""Stacks: each composes constructs, and hands on what later stacks need."""
