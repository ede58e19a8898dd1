"""Kinds of target: what differs between them, and nothing else of training and evaluation.

base says what is asked of each; binary, multiclass and regression answer it; choice picks one.
"""
