import type { Control } from "../kernel/contract";
import { bytesOf } from "../kernel/frame";
import { type ActMaxModel, isHidden } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText, uniqueId } from "../kit/dom";
import { decode } from "../kit/png";
import { reveal } from "../kit/reveal";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { addHelp } from "./help";
import { isRefusal } from "./problem";
import { acceptDrops, Upload } from "./upload";

/** How long the words of a click are believed: the same picture sent again changes no trait. */
const BUSY_MS = 3000;
/** CSS pixels of the thumbnail's sides; the style sheet sets the same. */
const THUMBNAIL_SIZE = 44;

/** What the picture grows from: noise, or a picture chosen here or dropped onto `dropZone`. */
export function createStart(
  model: ActMaxModel,
  store: Store,
  control: Control,
  dropZone: HTMLElement,
): Component {
  const scope = new Scope();
  const note = createNote(model, store);
  const parts = createParts(note.element, control);
  const { element, upload, file, clear, problem } = parts;
  const sender = new Upload(store.link, createReports(model, parts, scope));

  // A lesson without a starting picture takes none that is dropped, either.
  const isLocked = () => isHidden(model, control.name) || isHidden(model, "settings");
  const choose = () => {
    const chosen = file.files?.[0];
    if (chosen) void sender.send(chosen);
    // Or the same file, chosen again after it was edited, would be no change.
    file.value = "";
  };
  const take = (dropped: File) => {
    // Name and problem are shown in here.
    reveal(element);
    void sender.send(dropped);
    if (!problem.hidden) problem.scrollIntoView({ block: "nearest" });
  };

  scope.add(note.cleanup);
  scope.add(createThumbnail(model, parts.thumbnail));
  scope.listen(upload, "click", () => file.click());
  scope.listen(file, "change", choose);
  scope.listen(clear, "click", () => sender.clear());
  acceptDrops(dropZone, scope, { isOpen: () => store.link.connected && !isLocked(), take });
  return { element, cleanup: scope.cleanup };
}

/** The name as the kernel has it, and meanwhile what is under way. */
function createReports(model: ActMaxModel, parts: Parts, scope: Scope) {
  const { name, upload, clear, problem } = parts;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = () => {
    clearTimeout(timer);
    const picture = model.get("seed_name") ?? "";
    setText(name, picture || TEXTS.start.noise);
    name.title = picture;
    // A button that is switched off under the keyboard would lose its focus to the page.
    if (picture === "" && document.activeElement === clear) upload.focus();
    clear.disabled = picture === "";
  };
  const busy = (words: string) => {
    clearTimeout(timer);
    setText(name, words);
    timer = setTimeout(show, BUSY_MS);
  };
  const explain = (sentence: string) => {
    setText(problem, sentence);
    problem.hidden = sentence === "";
    if (sentence) show();
  };
  // The kernel took another picture, or whatever was wrong is no longer so.
  const settled = () => {
    if (!model.get("error")) explain("");
    show();
  };
  const hear = (content?: unknown) => {
    if (isRefusal(content) && content.name === "seed_picture") explain(content.sentence);
  };
  scope.on(model, "change:seed_name change:seed_picture change:error", settled);
  scope.on(model, "msg:custom", hear);
  scope.add(() => clearTimeout(timer));
  explain("");
  show();
  return { busy, problem: explain };
}

/** Says what was done to the picture, and that the run on the screen still has the start of before. */
function createNote(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const element = h("p", { class: "actmax-hint", role: "status", "data-testid": "seed-note" });
  let outdated: number | undefined;
  const show = () => {
    const late = outdated !== undefined && store.frame?.run === outdated;
    setText(
      element,
      [model.get("seed_note") ?? "", late ? TEXTS.start.later : ""].join(" ").trim(),
    );
    element.hidden = element.textContent === "";
  };
  const changed = () => {
    outdated = store.iteration > 0 ? store.frame?.run : undefined;
    show();
  };
  scope.on(model, "change:seed_name change:seed_picture", changed);
  scope.on(model, "change:seed_note", show);
  scope.add(store.subscribe(show));
  show();
  return { element, cleanup: scope.cleanup };
}

/** Keeps `canvas` showing the starting picture; hidden while there is none. */
function createThumbnail(model: ActMaxModel, canvas: HTMLCanvasElement) {
  const scope = new Scope();
  let shown: Uint8Array | undefined;
  const paint = (bitmap: ImageBitmap | null) => {
    canvas.hidden = bitmap === null;
    if (!bitmap) return;
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    const small = Math.max(bitmap.width, bitmap.height) < THUMBNAIL_SIZE;
    canvas.classList.toggle("actmax-enlarged", small);
  };
  const show = () => {
    const png = bytesOf(model.get("seed_picture"));
    shown = png;
    if (png.length === 0) return paint(null);
    // A newer one may have come while this one was being read.
    void decode(png).then((bitmap) => shown === png && paint(bitmap));
  };
  const label = () =>
    canvas.setAttribute("aria-label", TEXTS.start.pictureOf(model.get("seed_name") ?? "").trim());
  scope.on(model, "change:seed_picture", show);
  scope.on(model, "change:seed_name", label);
  scope.add(() => {
    shown = undefined;
  });
  show();
  label();
  return scope.cleanup;
}

type Parts = ReturnType<typeof createParts>;

function createParts(note: HTMLElement, { label, help }: Control) {
  const ids = {
    label: uniqueId("start"),
    name: uniqueId("start-name"),
    problem: uniqueId("problem"),
  };
  const thumbnail = h("canvas", {
    class: "actmax-thumbnail",
    role: "img",
    width: 1,
    height: 1,
    hidden: true,
    "data-testid": "seed-picture",
  });
  const name = h("span", {
    id: ids.name,
    class: "actmax-origin-name",
    role: "status",
    "data-testid": "seed-name",
  });
  const upload = h(
    "button",
    {
      type: "button",
      title: TEXTS.start.uploadTitle,
      "aria-describedby": `${ids.name} ${ids.problem}`,
      "data-testid": "seed-upload",
    },
    TEXTS.start.upload,
  );
  // The button is what is seen and reached by the keyboard: a file field can be neither named nor styled.
  const file = h("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    "aria-label": TEXTS.start.picture,
    "data-testid": "seed-file",
  });
  const clear = h(
    "button",
    { type: "button", title: TEXTS.start.clearTitle, "data-testid": "seed-clear" },
    TEXTS.start.clear,
  );
  const problem = h("p", {
    id: ids.problem,
    class: "actmax-problem",
    role: "alert",
    "data-testid": "seed-problem",
  });
  const group = h(
    "div",
    { class: "actmax-origin", role: "group", "aria-labelledby": ids.label },
    h("span", { id: ids.label }, label),
    h(
      "div",
      { class: "actmax-origin-row" },
      h("span", { class: "actmax-origin-picture" }, thumbnail, name),
      h("span", { class: "actmax-origin-buttons" }, upload, file, clear),
    ),
  );
  const element = h("div", { class: "actmax-seed" }, group, problem, note);
  addHelp(group, [upload], help);
  return { element, thumbnail, name, upload, file, clear, problem };
}
