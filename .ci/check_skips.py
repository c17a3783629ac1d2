"""Fail when a test was skipped that nobody allowed to be, or when no test ran at all.

A skipped test looks like a passed one in a summary line. So every skip has its line, with a
reason, in tests/allowed_skips.txt: ``PATTERN | REASON``, where PATTERN is matched (as in a
shell) against ``module.path.Class::test_name`` as pytest's JUnit report spells it.
"""

from __future__ import annotations

import fnmatch
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main(report: str, allowed_list: str) -> int:
    """0 when every skip in ``report`` is allowed; else 1, with the names on stderr."""
    patterns = []
    for line in Path(allowed_list).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition("|")
            if not reason.strip():
                print(f"{allowed_list}: no reason given: {line}", file=sys.stderr)
                return 1
            patterns.append(pattern.strip())
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    names = {
        f"{case.get('classname')}::{case.get('name')}": skipped.get("message", "")
        for case in cases
        if (skipped := case.find("skipped")) is not None
    }
    refused = {
        name: why
        for name, why in names.items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
    for name, why in refused.items():
        print(f"skipped, but not in {allowed_list}: {name} ({why})", file=sys.stderr)
    if len(cases) == len(names):
        print("no test ran", file=sys.stderr)
        return 1
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
