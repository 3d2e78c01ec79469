// Prints what Windmill's own reader makes of each script's signature, as JSON.
import { readFileSync } from "node:fs";
import process from "node:process";
import { initSync, parse_deno } from "windmill-parser-wasm-ts";

const wasm = new URL(import.meta.resolve("windmill-parser-wasm-ts/windmill_parser_wasm_bg.wasm"));
initSync({ module: readFileSync(wasm) });
const read = (path) => JSON.parse(parse_deno(readFileSync(path, "utf8")));
console.log(JSON.stringify(process.argv.slice(2).map(read)));
