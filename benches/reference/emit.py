#!/usr/bin/env python3
"""The reference for `emit_tasksgodzilla_codex_refs`: the same four calls with the standard library alone."""
import json
import os
import urllib.request

BASE = os.environ["TASKSGODZILLA_API_URL"]
TOKEN = os.environ.get("TASKSGODZILLA_API_TOKEN")


def post(path, body):
    headers = {"content-type": "application/json"}
    if TOKEN:
        headers["authorization"] = f"Bearer {TOKEN}"
    request = urllib.request.Request(BASE + path, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def main():
    job = os.environ["WM_JOB_ID"]
    post("/codex/runs/start", {"job_type": "windmill", "run_id": job, "log_path": f"windmill://job/{job}/logs"})
    for resource, kind in (("logs", "log"), ("result", "result"), ("error", "error")):
        artifact = {"name": f"windmill.{resource}", "kind": kind, "path": f"windmill://job/{job}/{resource}"}
        post(f"/codex/runs/{job}/artifacts/upsert", artifact)
    print(json.dumps({"status": "ok", "run_id": job}))


main()
