"""Tests of events and sessions."""
