"""What others wrote and is kept here is what was noted."""

from hashlib import sha256
from pathlib import Path

import console

FOLDERS = (Path(console.__file__).parent / "static" / "vendor", Path(__file__).parent / "vendor")


def test_the_vendored_files_are_those_that_are_noted() -> None:
    files = [file for folder in FOLDERS for file in folder.iterdir() if file.suffix in (".js", ".css")]
    assert len(files) == 4
    for file in files:
        noted = (file.parent / "README.md").read_text()
        assert f"| `{file.name}` " in noted
        assert sha256(file.read_bytes()).hexdigest() in noted
