"""Files and annotations for CI: JUnit XML, CTRF, badge, GitHub annotations."""
