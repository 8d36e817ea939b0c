"""The container image, built and tried by `make image-test`."""
