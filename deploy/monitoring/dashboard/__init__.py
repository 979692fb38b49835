"""The Grafana dashboard of the chart, made from these declarations.

``python -m deploy.monitoring.dashboard`` writes it anew; a test fails when it is old.
"""
