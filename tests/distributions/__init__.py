"""The two distributions, built and tried in clean environments by `make dist`."""
