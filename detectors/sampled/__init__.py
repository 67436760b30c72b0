"""Tests that need rows: they read the row sample (`drift.core.sample`), where a model keeps one."""
