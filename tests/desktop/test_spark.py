"""sdk/examples/corpus_on_spark.py on two workers of this machine: a job that is killed and goes on, with a Python
process that is killed, gives the bits and numbers of `linnet enhance`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import need
from conftest import ROOT
from corpus import ENVIRONMENT, GOOD, LONG, MODEL, check, kill_while, last_rows, make_corpus, spoil, times, told

EXAMPLE = ROOT / "sdk/examples/corpus_on_spark.py"
SUBMIT = Path(sys.executable).with_name("spark-submit")
# Two workers and four attempts at a task, which do not look for a network; no page of what they do.
OPTIONS = ["--master", "local[2,4]", "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.ui.enabled=false"]


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    words = map(str, (SUBMIT, *OPTIONS, EXAMPLE, *arguments, "--model", MODEL))
    environment = ENVIRONMENT | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*words], env=environment, start_new_session=True, **pipes)


def test_killed_and_gone_on_with_a_killed_worker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "JAVA_HOME" not in os.environ:
        need("java")
    corpus = make_corpus(tmp_path / "corpus")
    noisy, clean, numbers = tmp_path / "noisy", tmp_path / "clean", tmp_path / "numbers"
    shutil.copytree(corpus.noisy, noisy, ignore=shutil.ignore_patterns(LONG))

    job = start(noisy, clean, numbers)
    while len(list(numbers.glob("*.parquet"))) < 8:
        assert job.poll() is None, job.communicate()
        time.sleep(0.01)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    with capsys.disabled():
        print(f"\n{told('corpus_on_spark.py', clean, corpus)}")
    before = spoil(noisy, clean, numbers)
    assert len(before) >= 4
    shutil.copy(corpus.noisy / LONG, noisy)

    with kill_while(clean, LONG) as killed:
        job = start(noisy, clean, numbers, "--resume")
        said, errors = job.communicate()
    assert killed, "the long recording was over before its process could be killed"
    assert job.returncode == 3, errors
    *_, error, first, second = said.splitlines()  # Spark has taken the error from stderr
    assert first == f"{len(GOOD) - len(before)} recordings; 1 failed"
    assert second == f"skipped {len(before)} done already"
    assert error == last_rows(numbers, noisy)["broken.wav"]["error"]
    assert times(clean, before) == before
    check(corpus, noisy, clean, numbers)
