"""From a training set to a release folder.

train is the use case, retrain repeats it. Its steps in their order: split, inspection, fit (with
estimator and calibration), onnx_export, measure (with metrics, intervals, curves, importance),
documents.
"""
