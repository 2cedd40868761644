"""Telemetry: traces by OpenTelemetry, figures for Prometheus, errors to Sentry."""
