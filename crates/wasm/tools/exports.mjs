// What a module exports: with a step's name, as a graph for wasm-metadce that keeps this step and leaves out the others;
// without one, the names of the steps.
import { readFileSync } from "node:fs";
import process from "node:process";

const [path, kept] = process.argv.slice(2);
const names = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(path))).map(({ name }) => name);
// wasm-bindgen's own begin with underscores, a class's with its name, and there is the memory.
const steps = names.filter((name) => !/^(__|job_|memory$)/.test(name));
if (kept === undefined) {
  console.log(steps.join("\n"));
} else {
  const reached = names.filter((name) => name === kept || !steps.includes(name));
  const graph = reached.map((name) => ({ name, export: name }));
  console.log(JSON.stringify([{ name: "script", root: true, reaches: reached }, ...graph]));
}
