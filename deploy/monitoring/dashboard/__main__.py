"""Writes the dashboard into the chart."""

from __future__ import annotations

from pathlib import Path

from deploy.monitoring.dashboard import page

FILE = Path(__file__).parents[2] / "helm" / "segment-relay" / "files" / "dashboard.json"

if __name__ == "__main__":
    FILE.write_text(page.text(), encoding="utf-8")
