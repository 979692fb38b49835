"""What stands under ``config`` is what the worker reads."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import TypeAdapter

from tests.deploy.chart import CHART, CI_VALUES, MINIMAL, container, pod, render, rendered, said, toml_of
from worker import config
from worker.config import Settings
from worker.settings import quantities
from worker.settings.problems import SetupError

MOUNT: Final = "/run/secrets/segment-relay"
# A package's own mapping, which nobody has installed here.
OTHERS: Final = CHART / "ci" / "own-mapping-values.yaml"
# What is in a file of the Secret, where not anything will do.
HELD: Final = {"proxy": "http://proxy.example:3128"}
DURATIONS: Final = [45, 0.5, 2.25, 1_000_000, "45", "0.25", "500ms", "10s", "4h", "1h30m", "1 h 30 m", "1.5h", "7d"]
SIZES: Final = [1, 67_108_864, 10_000_000_000, "4096", "64MiB", "64 MiB", "1GiB", "512KiB", "10B"]

pytestmark = pytest.mark.needs("helm")


def merged(values: Path) -> Mapping[str, Any]:
    """The `config` of a file of values over the chart's own, as TOML would have it: a time is text there."""
    both = [said(file)["config"] for file in (CHART / "values.yaml", values)]
    return {table: {**both[0][table], **both[1].get(table, {})} for table in both[0]}


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


def loaded(toml: str, folder: Path) -> Settings:
    """What the worker makes of it, where each file that it names holds something."""
    for name in files_in(tomllib.loads(toml)):
        (folder / name).write_text(HELD.get(name, "NPS-00000000"), "utf-8")
    file = folder / "segment-relay.toml"
    file.write_text(toml.replace(MOUNT, str(folder)), "utf-8")
    return config.load(file, {})


def files_in(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from files_in(value)
        elif name.endswith("_file"):
            yield str(value).removeprefix(f"{MOUNT}/")


@pytest.mark.parametrize("values", CI_VALUES, ids=lambda file: file.stem)
def test_the_toml_says_what_the_values_say(values: Path) -> None:
    assert plain(merged(values)) == tomllib.loads(toml_of(rendered(values)))


@pytest.mark.parametrize("values", [file for file in CI_VALUES if file != OTHERS], ids=lambda file: file.stem)
def test_the_worker_takes_the_settings(values: Path, tmp_path: Path) -> None:
    settings = loaded(toml_of(rendered(values)), tmp_path)
    given = {path: value for path, value in leaves(plain(merged(values))) if not path[-1].endswith("_file")}
    counts = {each.path: each for each in config.effective(settings)}
    expected = {path: TypeAdapter(counts[path].setting.annotation).validate_python(given[path]) for path in given}
    assert expected == {path: counts[path].value for path in given}


def leaves(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value


def test_of_a_packages_own_mapping_only_the_package_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as refused:
        loaded(toml_of(render(OTHERS)), tmp_path)
    (problem,) = refused.value.problems
    assert problem.startswith("destinations.in-house.mapping (")


def test_every_kind_of_value_arrives_as_it_was_written() -> None:
    values = {
        "text": """It's "quoted", a \\ back slash, a\ttab and\na line""",
        "unicode": "Größe 尺寸 🛒 <b>&amp;</b>",
        "like a number": "0123",
        "like a bool": "off",
        "like a template": '{{ fail "no" }} ${HOME} $(POD_NAME)',
        "nothing": "",
        "whole": 512,
        "large": 10_000_000_000,
        "negative": -3,
        "part": 0.1,
        "small": 0.000001,
        "yes": True,
        "no": False,
        "list": ["a, b", 'c"d', "[e]"],
        "numbers": [1, 2.5, 3_000_000],
        "empty": [],
    }
    named = {name.replace(" ", "_"): value for name, value in values.items()}
    own = {"mapping": "in-house", "start_at": "latest", "settings": named}
    objects = render(MINIMAL, {"config": {"destinations": {"in-house": own}}})
    assert named == tomllib.loads(toml_of(objects))["destinations"]["in-house"]["settings"]


def test_null_takes_a_default_of_the_chart_away() -> None:
    objects = render(MINIMAL, {"config": {"worker": {"log_format": None}}})
    assert {"drain_timeout": "45s"} == tomllib.loads(toml_of(objects))["worker"]


def test_a_changed_setting_changes_the_checksum() -> None:
    def checksum(values: Mapping[str, Any]) -> str:
        return str(pod(render(MINIMAL, values))["metadata"]["annotations"]["checksum/config"])

    unchanged = checksum({})
    assert unchanged == checksum({"replicas": 3})
    assert unchanged != checksum({"config": {"worker": {"log_level": "debug"}}})


def test_the_environment_is_made_of_the_workers_own_settings(tmp_path: Path) -> None:
    objects = render()
    (tmp_path / "segment-relay.toml").write_text(toml_of(objects), "utf-8")
    environ = {each["name"]: each.get("value", "relay-segment-relay-0") for each in container(objects)["env"]}
    assert "/etc/segment-relay/segment-relay.toml" == environ.pop("SEGMENT_RELAY_CONFIG")
    (tmp_path / "token").write_text("secret", "utf-8")
    environ["SEGMENT_RELAY_DESTINATIONS__WIGZO__SETTINGS__ORG_TOKEN_FILE"] = str(tmp_path / "token")
    settings = config.load(tmp_path / "segment-relay.toml", environ)
    assert "relay-segment-relay-0" == settings.kafka.instance_id
    assert ("0.0.0.0", 9404) == settings.worker.admin_address  # noqa: S104  (a pod's own address)


def test_without_a_secret_nothing_of_it_is_mounted() -> None:
    objects = render(OTHERS, {"secret": {"name": ""}})
    assert ["config", "tmp"] == [each["name"] for each in container(objects)["volumeMounts"]]
    assert ["config", "tmp"] == [each["name"] for each in pod(objects)["spec"]["volumes"]]


def test_durations_are_read_as_the_worker_reads_them(tmp_path: Path) -> None:
    expected = [round(quantities.duration(each) * 1000) for each in DURATIONS]
    assert expected == by_the_chart("segment-relay.milliseconds", DURATIONS, tmp_path)


def test_sizes_are_read_as_the_worker_reads_them(tmp_path: Path) -> None:
    assert [quantities.size(each) for each in SIZES] == by_the_chart("segment-relay.bytes", SIZES, tmp_path)


def test_quantities_of_kubernetes_are_read_as_it_reads_them(tmp_path: Path) -> None:
    written = ["512Mi", "1Gi", "1.5Gi", "128974848", 128_974_848, "129e6", "129M", "1T", "2Ti", "123k", "128974848000m"]
    meant = [536870912, 1 << 30, 3 << 29, 128_974_848, 128_974_848, 129_000_000, 129_000_000]
    meant += [10**12, 2 << 40, 123_000, 128_974_848]
    assert meant == by_the_chart("segment-relay.bytes", written, tmp_path)


def by_the_chart(template: str, values: list[Any], folder: Path) -> list[int]:
    """What a template of the chart makes of each value: in a chart of its own, that has nothing else."""
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: quantities, version: 0.1.0}", "utf-8")
    quantities_template = (CHART / "templates" / "_quantities.tpl").read_text("utf-8")
    (folder / "templates" / "_quantities.tpl").write_text(quantities_template, "utf-8")
    each = '{{ range .Values.given }}{{ include "' + template + '" . | quote }}, {{ end }}'
    (folder / "templates" / "found.yaml").write_text(f"found: [{each}]", "utf-8")
    (found,) = render({"given": values}, chart=folder)
    return [int(text) for text in found["found"]]
