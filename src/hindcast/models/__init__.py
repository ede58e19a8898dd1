"""From a training set to a release in production: training, evaluation, registry, promotion."""
