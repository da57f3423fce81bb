/** A page that a run, a sheet of pictures or a comparison was saved as: without a kernel and without a network. */
import { createSheet } from "./page/sheet";
import type { PageData } from "./page/told";
import { createRun } from "./page/view";

const data = JSON.parse(document.getElementById("actmax-data")?.textContent ?? "{}") as PageData;
const [only, ...more] = data.runs;
const shown =
  only && more.length === 0 && !data.isSheet ? createRun(data, only) : createSheet(data);
document.getElementById("actmax-page")?.replaceChildren(shown.element);
