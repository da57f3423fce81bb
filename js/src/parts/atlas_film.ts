/** A film of training: the same picture of one checkpoint after the other, in the order of the store. */
import type { AtlasStore } from "../kernel/atlas_store";
import { h, setText, uniqueId } from "../kit/dom";
import { type Component, Scope } from "../kit/scope";
import { TEXTS } from "../texts";

const WORDS = TEXTS.atlas;
/** Between two pictures; the next one is waited for. */
const STEP_MS = 300;
/** Pictures that are asked for ahead. */
const AHEAD = 3;

export interface AtlasFilm extends Component {
  draw(): void;
  /** The checkpoint that is to be compared with, by its row; `null` where there is none. */
  other(): number | null;
}

interface Options {
  selected(): number | null;
  open(row: number): void;
}

export function createAtlasFilm(store: AtlasStore, { selected, open }: Options): AtlasFilm {
  const scope = new Scope();
  const { element, play, range, name, against } = createParts();
  let film: number[] = [];
  let filmOf = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isPlaying = false;

  const at = () => film.indexOf(selected() ?? -1);
  const checkpointOf = (row: number) => store.rows.text("checkpoint", row);
  const look = () => {
    const row = selected();
    const key = `${row} ${store.rows.version}`;
    if (row === null) film = [];
    else if (key !== filmOf && (at() < 0 || !filmOf.endsWith(` ${store.rows.version}`)))
      film = store.rows.filmOf(row);
    filmOf = key;
  };
  const stop = () => {
    isPlaying = false;
    clearTimeout(timer);
  };
  const step = () => {
    const next = film[at() + 1];
    if (!isPlaying || next === undefined) {
      stop();
      return draw();
    }
    for (const row of film.slice(at() + 1, at() + 1 + AHEAD)) store.open(row);
    // One that is not there yet is waited for, and not left out.
    if (store.large(next)) open(next);
    timer = setTimeout(step, STEP_MS);
  };
  const draw = () => {
    look();
    element.hidden = film.length < 2;
    if (film.length < 2) return stop();
    const place = at();
    range.max = String(film.length - 1);
    range.value = String(place);
    const words = WORDS.checkpointAt(checkpointOf(film[place] as number), place + 1, film.length);
    range.setAttribute("aria-valuetext", words);
    range.style.setProperty("--actmax-to", `${(100 * place) / (film.length - 1)}%`);
    setText(name, words);
    setText(play, isPlaying ? WORDS.stop : WORDS.play);
    play.title = isPlaying ? WORDS.stopTitle : WORDS.playTitle;
    offer();
  };
  /** With which to compare: at first with the last one, or from there with the first. */
  const offer = () => {
    const row = selected() ?? -1;
    const wanted = film.map(String).join();
    if (against.dataset.film !== wanted) {
      against.dataset.film = wanted;
      against.replaceChildren(...film.map((one) => h("option", { value: one }, checkpointOf(one))));
      against.value = String(film.at(-1));
    }
    if (Number(against.value) === row)
      against.value = String(row === film[0] ? film.at(-1) : film[0]);
  };

  scope.listen(range, "input", () => {
    stop();
    const row = film[Number(range.value)];
    if (row !== undefined) open(row);
  });
  scope.listen(play, "click", () => {
    const wasPlaying = isPlaying;
    stop();
    if (!wasPlaying) {
      isPlaying = true;
      if (at() === film.length - 1) open(film[0] as number);
      timer = setTimeout(step, STEP_MS);
    }
    draw();
  });
  scope.listen(against, "change", () => store.tell());
  scope.add(stop);
  return {
    element,
    draw,
    cleanup: scope.cleanup,
    other: () => (film.length < 2 ? null : Number(against.value)),
  };

  function createParts() {
    const id = uniqueId("film");
    const button = h(
      "button",
      { type: "button", class: "actmax-button", "data-testid": "atlas-play" },
      WORDS.play,
    );
    const slider = h("input", {
      ...{ type: "range", min: 0, max: 1, step: 1, "aria-label": WORDS.checkpoints },
      ...{ "data-testid": "atlas-film" },
    });
    const shown = h("p", { class: "actmax-caption", "data-testid": "atlas-checkpoint-at" });
    const list = h("select", { id, "data-testid": "atlas-against" });
    const words = h("label", { for: id }, WORDS.compareWith);
    const frame = h(
      "div",
      { class: "actmax-atlas-film", role: "group", "aria-label": WORDS.checkpoints },
      button,
      slider,
      shown,
      h("span", { class: "actmax-field" }, words, list),
    );
    return { element: frame, play: button, range: slider, name: shown, against: list };
  }
}
