"""What people look at: MLflow's experiments and models, model cards, plots."""
