"""Settings from the environment, and the archive that is submitted."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from conftest import ROOT
from lib.settings import Settings, interval, percent, seconds
from lib.submit import archive


def test_defaults():
    settings = Settings.from_environment({"MERGE_INTERVAL": ""})
    assert settings.merge_seconds == 20
    assert settings.merge_share == 25
    assert (settings.ingest_trigger, settings.process_trigger) == ("300 milliseconds", "50 milliseconds")


@pytest.mark.parametrize(("text", "spark"), [("200ms", "200 milliseconds"), ("10s", "10 seconds"), ("2m", "2 minutes")])
def test_intervals(text, spark):
    assert interval(text) == spark


@pytest.mark.parametrize(("text", "number"), [("200ms", 0.2), ("10s", 10), ("2m", 120)])
def test_intervals_in_seconds(text, number):
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["10", "s", "1h", "ten s", "-1s"])
def test_not_intervals(text):
    with pytest.raises(ValueError, match="is not an interval"):
        interval(text)


@pytest.mark.parametrize("text", ["0", "101", "half", "-1", "5 0", "1.5"])
def test_not_percentages(text):
    with pytest.raises(ValueError, match="is not a percentage"):
        percent(text)


def test_the_archive_has_the_job_and_only_known_variables():
    environment = {"MERGE_INTERVAL": "5s", "HOME": "/home/x"}
    data = archive(ROOT, "spark/jobs/job1_ingest.py", environment)
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        assert {"pipeline.yml", "spark/jobs/job1_ingest.py", "spark/transforms/orders.sql"} <= set(files.namelist())
        submission = json.loads(files.read("submission.json"))
    assert submission == {"script": "spark/jobs/job1_ingest.py", "environment": {"MERGE_INTERVAL": "5s"}}


def test_a_password_in_a_file_goes_to_the_driver_without_its_newline(tmp_path):
    file = tmp_path / "password"
    file.write_text("geheim 4711\n", "utf-8")
    data = archive(ROOT, "spark/jobs/job2_process.py", {"POSTGRES_PASSWORD_FILE": str(file)})
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        submission = json.loads(files.read("submission.json"))
    assert submission["environment"] == {"POSTGRES_PASSWORD": "geheim 4711"}
