"""Drift: what models are asked and answer, held against what they were trained on."""
