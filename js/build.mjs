// Bundles the front end into the files that the Python package carries: of the widget, and of the pages that it saves.
import { context } from "esbuild";

const here = new URL("./", import.meta.url).pathname;

const bundle = await context({
  absWorkingDir: here,
  entryPoints: [
    ...["src/widget.ts", "src/widget.css", "src/compare.ts", "src/atlas.ts"],
    ...["src/page.ts", "src/page.css"],
  ],
  outdir: "../actmax_widget/static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  // Their own notices are no comments that a minifier keeps.
  banner: {
    js: "/*! With uPlot, (c) 2025 Leon Sorokin, and dagre, (c) 2012-2014 Chris Pettitt, both MIT Licensed. */",
  },
  logLevel: "info",
});

if (process.argv.includes("--watch")) {
  await bundle.watch();
} else {
  await bundle.rebuild();
  await bundle.dispose();
}
