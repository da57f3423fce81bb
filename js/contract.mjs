// The half of tools/make_contract.py that is in JavaScript: a schema and a list come in, TypeScript goes out.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { compile } from "json-schema-to-typescript";

const { banner, schema, controls, columns } = JSON.parse(await text(process.stdin));

const types = await compile(schema, "Contract", {
  bannerComment: "",
  format: false,
});
const source = [
  banner,
  // What it says of lengths the types say, and what of references the names.
  types
    .replaceAll(/^ \* @(min|max)Items .*\n/gm, "")
    .replaceAll(/^ \* This interface was referenced by .*\n \* via the `definition` .*\n/gm, "")
    .replaceAll(/^ \* *\n(?= \*)/gm, "")
    .replaceAll(/^\/\*\*\n \* (.*)\n \*\/\n/gm, "/** $1 */\n")
    .replaceAll(/^\/\*\*\n \*\/\n/gm, ""),
  `export const CONTROLS: readonly Control[] = ${JSON.stringify(controls)};`,
  `/** Of an atlas: the buffers of its rows in their order, as NumPy calls their numbers. */
export const ATLAS_COLUMNS = ${JSON.stringify(columns)} as const;`,
].join("\n\n");

const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");
const formatted = spawnSync(
  process.execPath,
  [biome, "format", "--stdin-file-path=src/kernel/contract.ts"],
  { input: source, encoding: "utf8" },
);
if (formatted.status !== 0) throw new Error(formatted.stderr);
process.stdout.write(formatted.stdout);
