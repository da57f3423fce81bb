"""Fails unless the browser tests in a JUnit report all ran: `python tools/check_browser_tests.py report.xml`."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET


def main(report: str) -> None:
    """Exit with a sentence where a browser test was skipped, or where there was none."""
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - the report is our own
    browser = [case for case in cases if case.get("classname", "").startswith("tests.browser.")]
    skipped = [case.get("name") for case in browser if case.find("skipped") is not None]
    if not browser:
        sys.exit(f"No browser test is in {report}.")
    if skipped:
        sys.exit(f"{len(skipped)} of {len(browser)} browser tests were skipped: {', '.join(map(str, skipped))}.")
    print(f"All {len(browser)} browser tests ran.")


if __name__ == "__main__":
    main(sys.argv[1])
