"""`dbt parse` with a profile of a warehouse: the only place where dbt checks YAML against its schemas."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def deprecations(folder: Path, profile: dict[str, Any]) -> list[str]:
    """What dbt calls deprecated in the demo's project and the package. It needs no connection for that.

    Args:
        folder: An empty one.
        profile: The output of the profile.
    """
    project = folder / "project"
    ignore = shutil.ignore_patterns("target", "logs", "dbt_packages", "package-lock.yml")
    shutil.copytree(ROOT / "integration_tests", project, ignore=ignore)
    (project / "dbt_packages").mkdir()
    (project / "dbt_packages" / "synthohive").symlink_to(ROOT, target_is_directory=True)
    profiles = {"flight_delays": {"target": "cloud", "outputs": {"cloud": profile}}}
    (project / "profiles.yml").write_text(json.dumps(profiles))
    dbt = str(Path(sys.executable).with_name("dbt"))
    done = subprocess.run(
        [dbt, "--log-format", "json", "parse", "--show-all-deprecations", "--no-partial-parse"],
        cwd=project,
        env={**os.environ, "DBT_PROFILES_DIR": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    events = [json.loads(line)["info"] for line in done.stdout.splitlines() if line.startswith("{")]
    assert events
    return [event["msg"] for event in events if "Deprecation" in event["name"]]
