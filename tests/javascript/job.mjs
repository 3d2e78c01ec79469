// Runs the `main` of a script as a worker of Windmill does, by what is known of its workers: arguments by name out of args.json,
// the result, or the error with its other properties as `extra`, into result.json.
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";

const KNOWN = ["name", "message", "stack", "line", "column", "sourceURL", "originalLine", "originalColumn"];
const { names, given } = JSON.parse(readFileSync("args.json", "utf8"));
const write = (value) => writeFileSync("result.json", JSON.stringify(value));
try {
  const { main } = await import(pathToFileURL(process.argv[2]).href);
  write((await main(...names.map((name) => given[name]))) ?? null);
  process.exit(0);
} catch (error) {
  const { name, message, stack } = error;
  const others = Object.getOwnPropertyNames(error).filter((key) => !KNOWN.includes(key));
  write({ name, message, stack, extra: Object.fromEntries(others.map((key) => [key, error[key]])) });
  process.exit(1);
}
