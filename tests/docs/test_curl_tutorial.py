"""The tutorial's lines run as they stand, in order, against a demo."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "two-rooms-by-curl.md"


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
def test_the_story_works_by_curl(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    demo = subprocess.Popen(
        [sys.executable, "-m", "miz", "demo", "--port", "0", "--ready-file", str(ready_file)], stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(2_000):
            if ready_file.exists():
                break
            time.sleep(0.01)
        url = json.loads(ready_file.read_bytes())["url"]
        script = "\n".join(re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)).replace("http://127.0.0.1:8484", url)
        told = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
    finally:
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(10) == 0
    lines = told.splitlines()
    assert lines[0] == "patient-open-elsewhere"
    assert json.loads(lines[1])["items"][0]["name"] == "Falithrom"
    assert lines[2] == "Falithrom"
    assert any("Ibuprofen" in line and "Phenprocoumon" in line and "Paracetamol" in line for line in lines[3:6])
    assert lines[-1] == "stale-fencing-token"
