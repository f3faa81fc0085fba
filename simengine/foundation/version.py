"""The version of the model: it moves whenever any bit of any result does, with a reason in the changelog."""

MODEL_VERSION = "0.1.0"
