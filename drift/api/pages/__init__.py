"""The pages that people look at: one file per screen, thin; what they show comes from `drift.service.pages`."""
