/** The sheet of an atlas: of tens of thousands of tiles those in sight are in the page, and are used again. */
import { arrangementOf, type Chosen } from "../kernel/atlas_order";
import type { AtlasStore } from "../kernel/atlas_store";
import { h, setText, uniqueId } from "../kit/dom";
import { measureIn } from "../kit/fit";
import { formatCount } from "../kit/format";
import { type Component, Scope } from "../kit/scope";
import { type Line, TileWindow } from "../kit/tile_window";
import { TEXTS } from "../texts";
import { type AtlasTile, createAtlasTile, type Shown } from "./atlas_tile";

const WORDS = TEXTS.atlas;
/** CSS pixels; the style sheet sets the same. */
const SIZES = { gap: 4, words: 36, heading: 30 };
const PADDING = 8;
/** Of a tile, what its words leave free: they may reach to its edge. */
const INSIDE = 4;
const [LEAST, LEAST_NARROW, NARROW] = [104, 84, 540];
/** Tiles are ready this far beyond either edge, in heights of the sheet. */
const OVERSCAN = 0.25;
/** Small pictures are asked for this far. */
const AHEAD = 1;

export interface AtlasSheet extends Component {
  /** Pictures that fit what is chosen. */
  readonly count: number;
  /** The pictures, or what is chosen of them, are others. */
  arrange(): void;
  draw(): void;
  /** Brings a picture into sight, as the active one. */
  reveal(row: number): void;
  focus(): void;
}

interface Options {
  chosen(): Chosen;
  selected(): number | null;
  open(row: number): void;
  close(): void;
}

export function createAtlasSheet(store: AtlasStore, options: Options): AtlasSheet {
  const scope = new Scope();
  const { element, body, caption, empty, list } = createFrame();
  const places = new TileWindow();
  const tiles = new Map<number, AtlasTile>();
  const headings = new Map<number, HTMLElement>();
  const spare: AtlasTile[] = [];
  let { order, groups } = arrangementOf(store.rows, options.chosen());
  let placeOf = new Map<number, number>();
  let shown: Shown = {
    ...{ sort: "filter", grouped: true, checkpoints: false, seeds: false },
    ...{ room: 0, measure: () => 0 },
  };
  /** The place of the tile that the keys move from. */
  let active = 0;
  let request: number | undefined;
  /** CSS pixels of the list. */
  let laidOutFor = -1;
  // Jupyter takes cells out of the page while they are out of sight; they come back scrolled to the top.
  let [parked, top] = [true, 0];

  const layOut = () => {
    laidOutFor = list.clientWidth;
    const width = Math.max(0, laidOutFor - PADDING);
    const least = width < NARROW ? LEAST_NARROW : LEAST;
    places.layOut(groups, { ...SIZES, width, least });
    body.style.height = `${places.height}px`;
    shown = { ...shown, room: places.tileWidth - INSIDE, measure: measureIn(body) };
    for (const tile of tiles.values()) tile.row = -1;
  };
  const arrange = () => {
    const anchor = anchorOf();
    const chosen = options.chosen();
    const before = order[active];
    ({ order, groups } = arrangementOf(store.rows, chosen));
    placeOf = new Map(Array.from(order, (row, place) => [row, place]));
    shown = {
      ...shown,
      sort: chosen.sort,
      grouped: chosen.grouped,
      checkpoints: chosen.checkpoint === "" && store.rows.textsOf("checkpoint").length > 1,
      seeds: isVaried(store),
    };
    active = placeOf.get(before ?? -1) ?? 0;
    empty.hidden = order.length > 0;
    setText(empty, store.rows.count > 0 ? WORDS.noneFits : WORDS.noneYet);
    layOut();
    restore(anchor);
    draw();
  };
  /** The picture at the upper edge: what comes in above it must not move it. */
  const anchorOf = () => {
    const line = places.lines[places.lineAt(list.scrollTop)];
    const row = line && order[line.start];
    return row === undefined || !line || list.scrollTop === 0
      ? null
      : { row, by: list.scrollTop - line.top };
  };
  const restore = (anchor: { row: number; by: number } | null) => {
    const place = anchor && placeOf.get(anchor.row);
    const line = places.lines[place === null || place === undefined ? -1 : places.lineOf(place)];
    if (anchor) list.scrollTop = top = line ? line.top + anchor.by : 0;
  };
  const draw = () => {
    request ??= requestAnimationFrame(paint);
  };
  const paint = () => {
    request = undefined;
    if (list.clientHeight === 0) return;
    // What changed was told while the cell was moved about, and had another width.
    if (list.clientWidth !== laidOutFor) layOut();
    const { clientHeight: height, scrollTop } = list;
    const [first, end] = places.linesIn(
      scrollTop - OVERSCAN * height,
      scrollTop + (1 + OVERSCAN) * height,
    );
    const lines = places.lines.slice(first, end);
    recycle(lines);
    for (const line of lines) line.isHeading ? drawHeading(line) : drawRow(line);
    drawCaption(scrollTop);
    markActive();
    store.want(element, wanted(scrollTop, height));
  };
  const recycle = (lines: readonly Line[]) => {
    const [from, to] = [lines[0]?.start ?? 0, lines.at(-1)?.end ?? 0];
    for (const [place, tile] of tiles) {
      if (from <= place && place < to && tile.row === order[place]) continue;
      tiles.delete(place);
      spare.push(tile);
    }
    const kept = new Set(lines.filter(({ isHeading }) => isHeading).map(({ group }) => group));
    for (const [group, heading] of headings) {
      if (kept.has(group)) continue;
      headings.delete(group);
      heading.remove();
    }
  };
  const drawRow = (line: Line) => {
    for (let place = line.start; place < line.end; place++) {
      const row = order[place] as number;
      const tile = tiles.get(place) ?? taken();
      tiles.set(place, tile);
      if (tile.row !== row) {
        tile.show(row, place, order.length, store.rows, shown);
        tile.moveTo(places.leftOf(place, line), line.top, places.tileWidth, places.tileHeight);
      }
      tile.paint(store.small(row), places.tileWidth);
    }
  };
  const taken = (): AtlasTile => {
    const tile = spare.pop() ?? createAtlasTile(uniqueId("tile"));
    if (!tile.element.isConnected) body.append(tile.element);
    return tile;
  };
  const drawHeading = ({ group, top: at }: Line) => {
    const found = headings.get(group);
    const heading = found ?? h("div", { class: "actmax-atlas-heading", "aria-hidden": "true" });
    const { heading: text, count } = groups[group] ?? { heading: "", count: 0 };
    if (!found) heading.append(h("b", {}), h("span", {}));
    setText(heading.children[0] as HTMLElement, text);
    setText(heading.children[1] as HTMLElement, formatCount(count));
    heading.style.transform = `translateY(${at}px)`;
    headings.set(group, heading);
    if (!found) body.append(heading);
  };
  /** Which layer it is stays to be read while its tiles are scrolled. */
  const drawCaption = (scrollTop: number) => {
    const at = places.lines[places.lineAt(scrollTop)];
    const group = at && groups[at.group];
    const isNeeded =
      group !== undefined && group.heading !== "" && !(at?.isHeading && at.top >= scrollTop);
    caption.hidden = !isNeeded;
    if (!isNeeded) return;
    setText(caption.children[0] as HTMLElement, group.heading);
    setText(caption.children[1] as HTMLElement, formatCount(group.count));
  };
  const markActive = () => {
    for (const tile of spare) tile.rest();
    const selected = options.selected();
    for (const [place, tile] of tiles) tile.mark(place === active, tile.row === selected);
    const tile = tiles.get(active);
    if (tile) list.setAttribute("aria-activedescendant", tile.element.id);
    else list.removeAttribute("aria-activedescendant");
  };
  /** Those in sight first, then a screen further on, then one back. */
  const wanted = (scrollTop: number, height: number): number[] => {
    const stretches = [
      [scrollTop, scrollTop + height],
      [scrollTop + height, scrollTop + (1 + AHEAD) * height],
      [scrollTop - AHEAD * height, scrollTop],
    ] as const;
    const found: number[] = [];
    for (const stretch of stretches) {
      const [first, end] = places.linesIn(...stretch);
      for (const { start, end: last } of places.lines.slice(first, end))
        for (let place = start; place < last; place++) found.push(order[place] as number);
    }
    return found;
  };

  const bringIntoSight = (place: number) => {
    const line = places.lines[places.lineOf(place)];
    if (!line) return;
    // What stands above stays readable: the heading of the layer covers a stripe of it.
    const above = groups[line.group]?.heading ? SIZES.heading : 0;
    const { clientHeight: height, scrollTop } = list;
    if (line.top < scrollTop + above) list.scrollTop = line.top - above;
    else if (line.bottom > scrollTop + height) list.scrollTop = line.bottom - height;
    draw();
  };
  const go = (place: number) => {
    active = Math.max(0, Math.min(order.length - 1, place));
    bringIntoSight(active);
    draw();
  };
  const page = () =>
    Math.max(1, Math.floor(list.clientHeight / (places.tileHeight + SIZES.gap)) - 1);
  const keys: Record<string, () => number> = {
    ArrowRight: () => active + 1,
    ArrowLeft: () => active - 1,
    ArrowDown: () => places.beside(active, 1),
    ArrowUp: () => places.beside(active, -1),
    PageDown: () => places.beside(active, page()),
    PageUp: () => places.beside(active, -page()),
    Home: () => 0,
    End: () => order.length - 1,
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const row = order[active];
    const to = keys[event.key]?.();
    if (to !== undefined) go(to);
    else if ((event.key === "Enter" || event.key === " ") && row !== undefined) options.open(row);
    else if (event.key === "Escape" && options.selected() !== null) options.close();
    else return;
    event.preventDefault();
  };
  const clicked = ({ target }: MouseEvent) => {
    const found = (target as Element).closest<HTMLElement>(".actmax-atlas-tile")?.dataset.row;
    const place = placeOf.get(Number(found));
    if (place === undefined) return;
    active = place;
    options.open(Number(found));
    draw();
  };
  const resized = () => {
    const wasParked = parked;
    parked = list.clientHeight === 0;
    if (parked) return;
    if (wasParked && list.scrollTop !== top) list.scrollTop = top;
    const anchor = anchorOf();
    layOut();
    restore(anchor);
    draw();
  };

  const observer = new ResizeObserver(resized);
  observer.observe(list);
  scope.add(() => observer.disconnect());
  scope.listen(list, "scroll", () => {
    if (!parked) top = list.scrollTop;
    draw();
  });
  scope.listen(list, "keydown", pressed);
  scope.listen(list, "click", clicked);
  scope.add(store.subscribe(draw));
  scope.add(() => {
    if (request !== undefined) cancelAnimationFrame(request);
    store.unwant(element);
  });
  return {
    element,
    cleanup: scope.cleanup,
    arrange,
    draw,
    get count() {
      return order.length;
    },
    reveal(row) {
      const place = placeOf.get(row);
      if (place !== undefined) go(place);
    },
    focus: () => list.focus({ preventScroll: true }),
  };
}

const isVaried = ({ rows }: AtlasStore): boolean => {
  const seeds = rows.column("seed");
  for (let row = 1; row < rows.count; row++) if (seeds[row] !== seeds[0]) return true;
  return false;
};

function createFrame() {
  const body = h("div", { class: "actmax-atlas-body", role: "presentation" });
  const caption = h(
    "div",
    { class: "actmax-atlas-heading actmax-atlas-caption", "aria-hidden": "true", hidden: true },
    h("b", {}),
    h("span", {}),
  );
  const empty = h("p", { class: "actmax-atlas-empty", "data-testid": "atlas-empty" });
  const list = h(
    "div",
    {
      ...{ class: "actmax-atlas-list", role: "listbox", tabindex: 0 },
      ...{ "aria-label": WORDS.sheet, "data-testid": "atlas-list" },
    },
    body,
  );
  const element = h("div", { class: "actmax-atlas-sheet" }, caption, list, empty);
  return { element, body, caption, empty, list };
}
