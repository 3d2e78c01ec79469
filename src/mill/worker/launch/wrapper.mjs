// Calls `main` of a script with its arguments by their names, and leaves what it returns or throws in result.json.
import { readFileSync, renameSync, writeFileSync } from "node:fs";

const beside = (name) => new URL(name, import.meta.url);
const read = (name) => JSON.parse(readFileSync(beside(name), "utf8"));
const write = (text) => {
  writeFileSync(beside("result.json.part"), text);
  renameSync(beside("result.json.part"), beside("result.json"));
};

const SHOWN = ["line", "name", "stack", "column", "message", "sourceURL", "originalLine", "originalColumn"];

const argumentsOf = (parameters, args) =>
  parameters.map(({ name, is_date }) => {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (!is_date) return value;
    return value ? new Date(value) : undefined;
  });

const describe = (error) => {
  const described = { message: error.message, name: error.name, stack: error.stack };
  if (process.env.WM_FLOW_STEP_ID) described.step_id = process.env.WM_FLOW_STEP_ID;
  const more = Object.getOwnPropertyNames(error).filter((key) => !SHOWN.includes(key));
  if (more.length > 0) described.extra = Object.fromEntries(more.map((key) => [key, error[key]]));
  return described;
};

BigInt.prototype.toJSON = function () {
  return this.toString();
};

const script = await import(beside(process.argv[2]));
try {
  const args = argumentsOf(read("parameters.json"), read("args.json"));
  if (typeof script.main !== "function") throw new Error("main function is missing");
  let result = await script.main(...args);
  if (typeof result?.[Symbol.asyncIterator] === "function") {
    for await (const part of result) console.log("WM_STREAM: " + part.replace(/\n/g, "\\n"));
    result = null;
  }
  write(JSON.stringify(result ?? null, (_, value) => (value === undefined ? null : value)));
  process.exit(0);
} catch (error) {
  console.error(error);
  write(JSON.stringify(describe(error)));
  process.exit(1);
}
