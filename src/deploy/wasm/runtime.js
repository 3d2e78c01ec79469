// Runs a step of the module: it says what to send and how long to wait, and is told what came of it.

const LONGEST_CLEANUP = 3000;

const world = {
  env: (name) => process.env[name],
  now: () => performance.now(),
  since1970: () => Date.now(),
  log: (line) => console.error(line),
  newId: () => crypto.randomUUID(),
};

let ending = false;

async function runStep(step, given) {
  connect();
  await load();
  const job = new Job(JSON.stringify(given.map(word)), world);
  const endings = [["SIGTERM", 143], ["SIGINT", 130]].map(([signal, code]) => {
    const end = () => endEarly(job, code);
    process.once(signal, end);
    return () => process.off(signal, end);
  });
  try {
    return await workThrough((answer) => JSON.parse(step(job, answer)));
  } finally {
    endings.forEach((forget) => forget());
    job.free();
  }
}

/** Where it can, as bun can, the connection is opened while the module is made ready. */
function connect() {
  try {
    fetch.preconnect?.(process.env.TASKSGODZILLA_API_URL);
  } catch {
    // The step says what is wrong with the address.
  }
}

async function load() {
  if (wasm !== undefined) return;
  // To import this in bun costs more than all that it is used for.
  const { gunzipSync } = globalThis.Bun ?? (await import("node:zlib"));
  const bytes = gunzipSync(Buffer.from(MODULE, "base64"), { library: "libdeflate" });
  initSync({ module: await WebAssembly.compile(bytes) });
}

async function workThrough(goOn) {
  let asked = goOn();
  for (;;) {
    // What the end of the program caused is nobody's result.
    if (ending && ["done", "failed"].includes(asked.kind)) await new Promise(() => {});
    if (asked.kind === "done") return asked.result;
    if (asked.kind === "failed") throw failure(asked.error);
    const answer = asked.kind === "send" ? await send(asked.request, asked.within) : await sleep(asked.time);
    asked = goOn(JSON.stringify(answer));
  }
}

/** An argument as the text that bash would be passed. */
function word(value) {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

async function send({ method, url, token, body, media_type }, within) {
  const headers = { "user-agent": "millwright-step/" + VERSION };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (method !== "GET") headers["content-type"] = media_type;
  const content = method === "GET" ? undefined : (body ?? "{}");
  try {
    const signal = AbortSignal.timeout(within);
    const answer = await fetch(url, { method, headers, body: content, redirect: "manual", signal });
    const text = await answer.text();
    return { answered: { status: answer.status, location: answer.headers.get("location"), body: text } };
  } catch (error) {
    return error.name === "TimeoutError" ? "timed_out" : { lost: { reason: reason(error) } };
  }
}

/** What an error and its causes say; node tells the cause of a failed `fetch` only there. */
function reason(error) {
  const said = [];
  for (let one = error; one instanceof Error && said.length < 8; one = one.cause ?? one.errors?.[0]) {
    said.push(one.code ?? one.name, one.message);
  }
  return said.join(": ");
}

async function sleep(time) {
  await new Promise((done) => setTimeout(done, time));
  return "slept";
}

/** The job's error: Windmill shows its name and message, and what else is known of it. */
function failure({ name, message, ...details }) {
  const error = Object.assign(new Error(message), details, { name });
  error.stack = `${name}: ${message}`;
  return error;
}

/** Ends what was begun, such as an execution that is waited for, and then the program. */
async function endEarly(job, code) {
  ending = true;
  const until = Date.now() + LONGEST_CLEANUP;
  let left = JSON.parse(job.atTheEnd());
  while (left.wait && Date.now() < until) {
    await sleep(5);
    left = JSON.parse(job.atTheEnd());
  }
  for (const request of left.requests) {
    const { answered, lost } = await send(request, LONGEST_CLEANUP);
    if (answered === undefined || answered.status >= 400) {
      world.log(`warning: what was begun may go on: ${answered?.status ?? lost?.reason ?? "no answer in time"}`);
    }
  }
  process.exit(code);
}
