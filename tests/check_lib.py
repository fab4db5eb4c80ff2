# SPDX-License-Identifier: BSD-2-Clause
"""What the structure and prose checks share: the list of the project's own files, and how to report findings."""
import os
import sys

ROOT = os.path.abspath(os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), ".."))

CODE_FOLDERS = ("dnsproxy", "rules", "lua", "console", "services", "tests", "fuzz", "bench")
OTHER_FOLDERS = ("regression-tests", "contrib", "doc", ".ci", "m4")
TOP_FILES = ("README.md", "NEWS", "configure.ac", "Makefile.am", "quickstart", "run-tests")
GENERATED = {"Makefile", "Makefile.in", "__pycache__", "build-aux", "autom4te.cache", ".deps", ".pytest_cache",
             "unit", "bin"}
GENERATED_ENDINGS = (".o", ".a", ".log", ".trs", ".pyc", ".gcda", ".gcno", ".dirstamp")


def files(folders=CODE_FOLDERS + OTHER_FOLDERS, endings=None, top=False):
    """Yield paths relative to the root of the source tree, sorted; build products are left out."""
    found = [name for name in TOP_FILES if top and os.path.isfile(os.path.join(ROOT, name))]
    for folder in folders:
        for here, subfolders, names in os.walk(os.path.join(ROOT, folder)):
            subfolders[:] = [name for name in subfolders if name not in GENERATED]
            found += [os.path.relpath(os.path.join(here, name), ROOT) for name in names
                      if name not in GENERATED and not name.endswith(GENERATED_ENDINGS)]
    return sorted(path for path in found if endings is None or path.endswith(endings))


def text(path):
    """The file's text, or None for a binary file (fuzz seeds, keys, the built program)."""
    with open(os.path.join(ROOT, path), "rb") as file:
        content = file.read()
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def finish(what, count, findings):
    """Print the findings, or one line that says what was looked at. A check that saw nothing has failed."""
    for finding in findings:
        print(finding)
    if not count:
        print(f"{what}: no file found below {ROOT}")
    else:
        print(f"{what}: {count} files, {len(findings)} findings")
    sys.exit(1 if findings or not count else 0)
