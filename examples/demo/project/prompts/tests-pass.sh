#!/usr/bin/env bash
# QA of step 02: its verdict is that of the tests.
if bash ./test.sh; then
    echo "VERDICT: PASS"
else
    echo "VERDICT: FAIL"
fi
