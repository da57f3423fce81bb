import type { AskResponse, ResponseMessage, WeightsMessage } from "../kernel/contract";
import { bytesOf } from "../kernel/frame";
import { type ActMaxModel, isAbsent, isBusy } from "../kernel/model";
import { namesOf } from "../kernel/names";
import type { Store } from "../kernel/store";
import { h, setText } from "../kit/dom";
import { formatLoss } from "../kit/format";
import { putPixels } from "../kit/pixels";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";
import { filterWords } from "./picture";

/** While it runs the answer is asked for anew after this long: it takes as long as some steps. */
const ANEW_MS = 1000;

type Incoming = { type?: unknown } | null;

/** Pictures of the weights of the chosen layer, and where in a picture the chosen filters answer. */
export function createLooks(model: ActMaxModel, store: Store): Component {
  const parts = [createWeightsOf(model, store), createResponse(model, store)];
  return {
    element: h("div", { class: "actmax-looks" }, ...parts.map(({ element }) => element)),
    cleanup() {
      for (const { cleanup } of parts) cleanup();
    },
  };
}

function createWeightsOf(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const button = createButton("ask-weights", TEXTS.looks.weights, TEXTS.looks.weightsTitle);
  const sentence = createSentence("weights-sentence");
  const pictures = h("div", { class: "actmax-weight-pictures", "data-testid": "weight-pictures" });
  let asked = false;

  const forget = () => {
    asked = false;
    pictures.replaceChildren();
    setText(sentence, "");
  };
  const take = (content?: unknown, buffers?: DataView[]) => {
    if ((content as Incoming)?.type !== "weights" || !asked) return;
    const { layer, shape, count, of, ...rest } = content as WeightsMessage;
    // Of the layer before: the kernel answers what is chosen then.
    if (layer !== model.get("layer")) return;
    setText(sentence, rest.sentence || TEXTS.looks.legend(count, of));
    const pixels = bytesOf(buffers?.[0]);
    const size = shape[0] * shape[1] * shape[2];
    const names = namesOf(model, layer);
    pictures.replaceChildren(
      ...Array.from({ length: count }, (_, filter) => {
        const canvas = h("canvas", {
          role: "img",
          class: "actmax-enlarged",
          "aria-label": TEXTS.looks.weightsOf(names[filter] ?? filter),
          title: TEXTS.looks.filter(names[filter] ?? filter),
        });
        putPixels(canvas, shape, pixels.subarray(filter * size, (filter + 1) * size));
        return canvas;
      }),
    );
  };
  scope.on(model, "msg:custom", take as (content?: unknown) => void);
  scope.on(model, "change:layer", forget);
  scope.listen(button, "click", () => {
    asked = true;
    store.link.send({ type: "ask_weights" });
  });
  const element = h("div", { class: "actmax-look" }, button, sentence, pictures);
  return { element, cleanup: scope.cleanup };
}

function createResponse(model: ActMaxModel, store: Store): Component {
  const scope = new Scope();
  const now = createButton("ask-response", TEXTS.looks.response, TEXTS.looks.responseTitle);
  const start = createButton("ask-response-start", TEXTS.looks.start, TEXTS.looks.startTitle);
  const sentence = createSentence("response-sentence");
  const picture = h("canvas", { width: 1, height: 1 });
  const map = h("canvas", { class: "actmax-response-map", width: 1, height: 1 });
  const frame = h(
    "div",
    { class: "actmax-response", role: "img", "data-testid": "response", hidden: true },
    picture,
    map,
  );
  let asked: AskResponse | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const ask = () => {
    clearTimeout(timer);
    if (asked && store.link.connected) store.link.send(asked);
  };
  const begin = (ofStart: boolean) => {
    asked = { type: "ask_response", start: ofStart };
    ask();
  };
  const take = (content?: unknown, buffers?: DataView[]) => {
    if ((content as Incoming)?.type !== "response" || !asked) return;
    const message = content as ResponseMessage;
    const answers = bytesOf(buffers?.[0]);
    frame.hidden = message.sentence !== "";
    const words = responseWords(model, message);
    setText(sentence, words);
    if (!frame.hidden) {
      frame.setAttribute("aria-label", words);
      putPixels(picture, message.picture, bytesOf(buffers?.[1]));
      putHeat(map, message.shape, answers);
      frame.style.aspectRatio = `${message.picture[1]} / ${message.picture[0]}`;
    }
    // Out of sight nobody waits for it: it goes on when somebody asks again, or the run ends.
    if (frame.clientHeight > 0 && !asked.start && isBusy(model.get("status")))
      timer = setTimeout(ask, ANEW_MS);
  };
  const show = () => {
    now.disabled = start.disabled = isAbsent(model, "layer");
    start.hidden = !model.get("seed_name");
  };
  scope.on(model, "msg:custom", take as (content?: unknown) => void);
  scope.on(model, "change:layer change:filter_indices change:status", ask);
  scope.on(model, "change:absent change:seed_name", show);
  scope.listen(now, "click", () => begin(false));
  scope.listen(start, "click", () => begin(true));
  scope.add(() => clearTimeout(timer));
  show();
  const buttons = h("div", { class: "actmax-buttons" }, now, start);
  const element = h("div", { class: "actmax-look" }, buttons, sentence, frame);
  return { element, cleanup: scope.cleanup };
}

function responseWords(model: ActMaxModel, message: ResponseMessage): string {
  if (message.sentence) return message.sentence;
  const { layer, filter_indices, low, high, shape, start, iteration } = message;
  const whose = `${layer}, ${filterWords(filter_indices, namesOf(model, layer))}`;
  const of = start ? TEXTS.looks.ofStart : TEXTS.looks.ofIteration(iteration);
  return TEXTS.looks.answer(whose, formatLoss(low), formatLoss(high), shape.join(" × "), of);
}

/** The larger an answer is, the less is seen through its colour. */
function putHeat(canvas: HTMLCanvasElement, shape: ResponseMessage["shape"], answers: Uint8Array) {
  const [height, width] = shape;
  const pixels = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) pixels.set([255, 120, 0, answers[i] ?? 0], i * 4);
  putPixels(canvas, [height, width, 4], pixels);
}

function createButton(testId: string, name: string, title: string): HTMLButtonElement {
  const attributes = { type: "button", class: "actmax-button", title, "data-testid": testId };
  return h("button", attributes, name);
}

const createSentence = (testId: string): HTMLElement =>
  h("p", { class: "actmax-caption", role: "status", "data-testid": testId });
