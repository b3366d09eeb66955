"""The front desk: settings, server, execution, cache, resilience, limits, telemetry and composition."""
