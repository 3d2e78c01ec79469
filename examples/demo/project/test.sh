#!/usr/bin/env bash
# The project's tests.
set -eu
greeting=$(bash ./greet.sh ada)
if [ "$greeting" = "Hello, ada!" ]; then
    echo "ok: $greeting"
else
    echo "not ok: expected \"Hello, ada!\", got \"$greeting\""
    exit 1
fi
