import type { FileMessage, TakeAway } from "../kernel/contract";
import { bytesOf } from "../kernel/frame";
import type { ActMaxModel } from "../kernel/model";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

type Kind = TakeAway["kind"];

const COPY = "copy";
const SAID_MS = 2500;
const OFFERS = ["png", "gif", "webp", "html", "csv", "json", "py", COPY] as const;
type Offer = (typeof OFFERS)[number];
const TYPES: Record<Kind, string> = {
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  html: "text/html",
  csv: "text/csv",
  json: "application/json",
  py: "text/x-python",
};

/**
 * A list of the files that the kernel makes of the run, of the tiles or of the pins, and its code for the clipboard. `name` is
 * that of a file.
 */
export function createTakeAway(
  model: ActMaxModel,
  store: Store,
  name: (ending: string) => string,
  of: TakeAway["of"] = "run",
): Component {
  const scope = new Scope();
  const texts = of === "run" ? TEXTS.takeAway : TEXTS.takeAway[of];
  const { label, title } = texts;
  const offers: Partial<Record<Offer, string>> = texts.offers;
  const testId = { run: "save", tiles: "sheet", pins: "pins" }[of];
  const first = h("option", { value: "" }, texts.name);
  const list = h(
    "select",
    { class: "actmax-quiet", "aria-label": label, title, "data-testid": `${testId}-as` },
    first,
    ...OFFERS.flatMap((value) => {
      const words = offers[value];
      return words === undefined ? [] : [h("option", { value }, words)];
    }),
  );
  const words = h("span", {
    class: "actmax-caption",
    role: "status",
    "data-testid": `${testId}-words`,
  });
  const element = h("span", { class: "actmax-take-away" }, list, words);
  let asked: Kind | typeof COPY | null = null;

  const ask = () => {
    asked = list.value as Kind | typeof COPY;
    list.value = "";
    setText(words, "");
    setText(first, TEXTS.takeAway.making);
    store.link.send({ type: "take_away", kind: asked === COPY ? "py" : asked, of });
  };
  const take = (content?: unknown, buffers?: DataView[]) => {
    const { type, kind, sentence, ...file } = (content ?? {}) as Partial<FileMessage>;
    // Another view may have asked.
    if (type !== "file" || file.of !== of || !kind || !asked) return;
    if (kind !== (asked === COPY ? "py" : asked)) return;
    const bytes = bytesOf(buffers?.[0]).slice();
    setText(first, texts.name);
    if (sentence) setText(words, sentence);
    else if (asked === COPY) void copy(new TextDecoder().decode(bytes), first, words, texts.name);
    else {
      download(new Blob([bytes], { type: TYPES[kind] }), name(kind));
    }
    asked = null;
  };
  const show = () => {
    list.disabled = !store.link.connected;
  };
  scope.on(model, "msg:custom", take as (content?: unknown) => void);
  scope.listen(list, "change", ask);
  scope.add(store.subscribe(show));
  show();
  return { element, cleanup: scope.cleanup };
}

/** A page that is not secure has no clipboard; then the code is shown to be copied. */
async function copy(
  code: string,
  first: HTMLElement,
  words: HTMLElement,
  name: string,
): Promise<void> {
  try {
    await navigator.clipboard.writeText(code);
    setText(first, TEXTS.takeAway.copied); // in its place, so that nothing below moves
    setTimeout(() => setText(first, name), SAID_MS);
  } catch {
    setText(words, TEXTS.takeAway.noClipboard);
  }
}

export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
