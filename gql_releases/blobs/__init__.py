"""Blob storage on a local disk or an object store, and reading of the bundles that clients upload."""
