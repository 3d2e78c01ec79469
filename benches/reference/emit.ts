// The reference for `emit_tasksgodzilla_codex_refs` in a JavaScript worker: the same four calls, written by hand.

const base = process.env.TASKSGODZILLA_API_URL;
const headers = {
  "content-type": "application/json",
  authorization: `Bearer ${process.env.TASKSGODZILLA_API_TOKEN}`,
};

async function post(path: string, body: object): Promise<any> {
  const answer = await fetch(base + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status}`);
  return await answer.json();
}

export async function main() {
  const job = process.env.WM_JOB_ID;
  await post("/codex/runs/start", { job_type: "windmill", run_id: job, log_path: `windmill://job/${job}/logs` });
  for (const [resource, kind] of [["logs", "log"], ["result", "result"], ["error", "error"]]) {
    const artifact = { name: `windmill.${resource}`, kind, path: `windmill://job/${job}/${resource}` };
    await post(`/codex/runs/${job}/artifacts/upsert`, artifact);
  }
  return { status: "ok", run_id: job };
}
