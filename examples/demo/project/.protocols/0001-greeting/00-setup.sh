#!/usr/bin/env bash
# Step 00: make the workspace ready.
set -eu
mkdir -p notes
echo "workspace ready on $(git rev-parse --abbrev-ref HEAD), $(git log --oneline | wc -l) commit(s)"
