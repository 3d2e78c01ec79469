#!/usr/bin/env bash
# Step 03: say what was made.
set -eu
echo "# Release notes"
echo
echo "- greet.sh: $(bash ./greet.sh world)"
