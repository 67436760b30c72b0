"""From results to people: alert rules, states, grouping, silences, routes and retrain triggers."""
