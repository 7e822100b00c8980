"""OpenTelemetry underneath: trace context of jobs, spans and logs of attempts."""
