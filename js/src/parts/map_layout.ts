import { Graph, layout } from "@dagrejs/dagre";

/** CSS pixels of a layer's box, and between boxes. */
export const WIDTH = 184;
export const HEIGHT = 42;
const BESIDE = 14;
const BELOW = 22;
/** Around what is inside of an open folder. */
const PADDING = 12;
/** An open folder's own box stands at its top edge. */
const TITLE = HEIGHT + 10;
/** Boxes and edges between two bottlenecks: more take dagre longer than a fifth of a second. */
const MOST_WOVEN = 220;
/** Layouts of pieces. */
const MOST_KEPT = 500;
/** More than these beside each other are no picture any more. */
const MOST = 1200;
/** Of a folder that is too large: so many around the layer that is looked at. */
const AROUND = 24;

export interface Place {
  name: string;
  /** Where it takes from, by name. */
  sources: readonly string[];
  inside: readonly Place[];
}

export interface Box {
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Point = readonly [x: number, y: number];

export interface Edge {
  from: string;
  to: string;
  points: Point[];
}

export interface Drawing {
  width: number;
  height: number;
  /** Of each layer, in order; of an open folder it is the title. */
  boxes: Box[];
  /** What an open folder holds. */
  frames: Box[];
  edges: Edge[];
  /** Layers that were left out, as there are too many. */
  leftOut: number;
}

/**
 * The map of what is in a model, from top to bottom: dagre lays out what is between two layers through which all flows, and
 * these pieces stand one beneath the other, so that a deep network takes as long as its blocks together. What is in an open
 * folder is laid out by itself, and is then one large box.
 */
export function drawingOf(
  places: readonly Place[],
  isOpen: (name: string) => boolean,
  looked: string,
): Drawing {
  const { kept, leftOut } = keep(places, looked);
  const drawn = new Map<string, Drawing>();
  const sizes = new Map<string, Box>();
  for (const { name, inside } of kept) {
    const size = { name, x: 0, y: 0, width: WIDTH, height: HEIGHT };
    if (inside.length > 0 && isOpen(name)) {
      const own = drawingOf(inside, isOpen, looked);
      drawn.set(name, own);
      size.width = Math.max(WIDTH, own.width) + 2 * PADDING;
      size.height = own.height + TITLE + 2 * PADDING;
    }
    sizes.set(name, size);
  }
  const edges = stack(kept, sizes);
  const result: Drawing = { ...extent(sizes, edges), boxes: [], frames: [], edges, leftOut };
  for (const { name } of kept) {
    const box = sizes.get(name) as Box;
    const own = drawn.get(name);
    if (!own) result.boxes.push(box);
    else put(result, box, own);
  }
  return result;
}

/** An open folder: its frame, its title, and what is inside. */
function put(result: Drawing, box: Box, own: Drawing): void {
  const left = box.x + (box.width - own.width) / 2;
  const top = box.y + TITLE + PADDING;
  const moved = (one: Box) => ({ ...one, x: one.x + left, y: one.y + top });
  result.frames.push(box, ...own.frames.map(moved));
  const title = { name: box.name, x: box.x + (box.width - WIDTH) / 2, y: box.y + 8 };
  result.boxes.push({ ...title, width: WIDTH, height: HEIGHT }, ...own.boxes.map(moved));
  for (const { from, to, points } of own.edges)
    result.edges.push({ from, to, points: points.map(([x, y]) => [x + left, y + top]) });
  result.leftOut += own.leftOut;
}

/** All, or where those are too many some around the one that is looked at. */
function keep(places: readonly Place[], looked: string): { kept: Place[]; leftOut: number } {
  const ordered = inOrder(places);
  const widest = Math.max(
    0,
    ...pieces(ordered).map(([from, to]) => weightOf(ordered.slice(from, to + 1))),
  );
  if (ordered.length <= MOST && widest <= MOST_WOVEN) return { kept: ordered, leftOut: 0 };
  const found = around(ordered, looked);
  return {
    kept: ordered.filter(({ name }) => found.has(name)),
    leftOut: places.length - found.size,
  };
}

const weightOf = (piece: readonly Place[]): number =>
  piece.reduce((sum, { sources }) => sum + 1 + sources.length, 0);

/** The names of those next to the one that is looked at, or to the one that it is in. */
function around(places: readonly Place[], looked: string): Set<string> {
  const next = new Map<string, string[]>(places.map(({ name }) => [name, []]));
  for (const { name, sources } of places)
    for (const source of sources) {
      next.get(source)?.push(name);
      next.get(name)?.push(source);
    }
  const start =
    places.find(({ name }) => looked === name || looked.startsWith(`${name}/`)) ?? places[0];
  const found = new Set<string>(start ? [start.name] : []);
  for (const name of found) {
    for (const other of next.get(name) ?? []) if (found.size < AROUND) found.add(other);
  }
  return found;
}

/** By how many steps each is from an input; an input itself is just before what takes it. */
function inOrder(places: readonly Place[]): Place[] {
  const depths = new Map<string, number>();
  const takers = new Map<string, number>();
  for (const { name, sources } of places) {
    // What nothing is known of stays where it is told.
    depths.set(name, Math.max(-1, ...sources.map((source) => depths.get(source) ?? -1)) + 1);
    for (const source of sources)
      takers.set(
        source,
        Math.min(takers.get(source) ?? Number.POSITIVE_INFINITY, depths.get(name) ?? 0),
      );
  }
  if (places.every(({ sources }) => sources.length === 0)) return [...places];
  for (const { name, sources } of places) {
    const taker = takers.get(name);
    if (sources.length === 0 && taker !== undefined) depths.set(name, taker - 1);
  }
  const depth = ({ name }: Place) => depths.get(name) ?? 0;
  return [...places].sort((a, b) => depth(a) - depth(b));
}

/** From bottleneck to bottleneck: pairs of places in the order that no connection leads past. */
function pieces(places: readonly Place[]): [number, number][] {
  const at = new Map(places.map(({ name }, index) => [name, index]));
  // Of each the farthest that takes from it.
  const reach = places.map((_, index) => index);
  places.forEach(({ sources }, index) => {
    for (const source of sources) {
      const from = at.get(source);
      if (from !== undefined) reach[from] = Math.max(reach[from] ?? 0, index);
    }
  });
  const found: [number, number][] = [];
  let last = 0;
  let farthest = 0;
  for (let index = 1; index < places.length; index++) {
    farthest = Math.max(farthest, reach[index - 1] ?? 0);
    if (farthest > index) continue;
    found.push([last, index]);
    last = index;
  }
  if (places.length > 0 && last < places.length - 1) found.push([last, places.length - 1]);
  return found;
}

/** Places the boxes, and gives the edges between them. */
function stack(places: readonly Place[], sizes: Map<string, Box>): Edge[] {
  const edges: Edge[] = [];
  const first = places[0];
  if (!first) return edges;
  for (const [from, to] of pieces(places)) {
    const piece = places.slice(from, to + 1);
    if (piece.length === 2) beneath(piece, sizes, edges);
    else weave(piece, sizes, edges);
  }
  return edges;
}

const middle = ({ x, width }: Box): number => x + width / 2;

function beneath(piece: readonly Place[], sizes: Map<string, Box>, edges: Edge[]): void {
  const [above, below] = piece.map(({ name }) => sizes.get(name)) as [Box, Box];
  below.x = middle(above) - below.width / 2;
  below.y = above.y + above.height + BELOW;
  if (piece[1]?.sources.includes(above.name)) edges.push(edge(above, below, []));
}

/** Lays out a piece whose first box has its place already. */
function weave(piece: readonly Place[], sizes: Map<string, Box>, edges: Edge[]): void {
  const boxes = piece.map(({ name }) => sizes.get(name) as Box);
  const at = new Map(piece.map(({ name }, index) => [name, index]));
  const drawn = piece.flatMap(({ sources }, to) =>
    sources.flatMap((source): [number, number][] => {
      const from = at.get(source);
      return from === undefined || from >= to ? [] : [[from, to]];
    }),
  );
  const woven = wovenOf(boxes, drawn);
  const [first, origin] = [boxes[0], woven.centres[0]];
  if (!first || !origin) return;
  const [dx, dy] = [middle(first) - origin[0], first.y + first.height / 2 - origin[1]];
  boxes.forEach((box, index) => {
    const [x, y] = woven.centres[index] ?? [0, 0];
    box.x = x + dx - box.width / 2;
    box.y = y + dy - box.height / 2;
  });
  drawn.forEach(([from, to], index) => {
    const between = (woven.bends[index] ?? []).map(([x, y]): Point => [x + dx, y + dy]);
    edges.push(edge(boxes[from] as Box, boxes[to] as Box, between));
  });
}

interface Woven {
  centres: Point[];
  bends: Point[][];
}

/** The blocks of a deep network look alike: what was laid out once is known. */
const WOVEN = new Map<string, Woven>();

function wovenOf(boxes: readonly Box[], drawn: readonly [number, number][]): Woven {
  const key = JSON.stringify([boxes.map(({ width, height }) => [width, height]), drawn]);
  const found = WOVEN.get(key) ?? layOut(boxes, drawn);
  if (WOVEN.size >= MOST_KEPT) WOVEN.clear();
  WOVEN.set(key, found);
  return found;
}

function layOut(boxes: readonly Box[], drawn: readonly [number, number][]): Woven {
  const graph = new Graph({});
  graph.setGraph({ nodesep: BESIDE, edgesep: BESIDE, ranksep: BELOW });
  const [taking, taken] = [new Set<number>(), new Set<number>()];
  boxes.forEach(({ width, height }, index) => {
    graph.setNode(String(index), { width, height });
  });
  for (const [from, to] of drawn) {
    graph.setEdge(String(from), String(to), {});
    taken.add(from);
    taking.add(to);
  }
  // What is not seen of these holds the ends at the ends: of another input, of another output.
  const last = boxes.length - 1;
  boxes.forEach((_, index) => {
    if (index > 0 && !taking.has(index)) graph.setEdge("0", String(index), {});
    if (index < last && !taken.has(index)) graph.setEdge(String(index), String(last), {});
  });
  layout(graph);
  const centres = boxes.map((_, index): Point => {
    const { x, y } = graph.node(String(index));
    return [x, y];
  });
  const side = isMirrored(centres) ? -1 : 1;
  return {
    centres: centres.map(([x, y]): Point => [x * side, y]),
    bends: drawn.map(([from, to]) => {
      const points = graph.edge(String(from), String(to)).points as { x: number; y: number }[];
      // Between neighbours there is nothing to go around.
      return points.length > 3 ? points.slice(1, -1).map(({ x, y }): Point => [x * side, y]) : [];
    }),
  };
}

/** Whether of those beside each other the first stands at the right: to dagre either side is as good. */
function isMirrored(centres: readonly Point[]): boolean {
  const last = new Map<number, number>();
  let rising = 0;
  for (const [x, y] of centres) {
    rising += Math.sign(x - (last.get(y) ?? x));
    last.set(y, x);
  }
  return rising < 0;
}

/** From the lower side of one to the upper side of the other, where it is nearest to where it goes to. */
function edge(from: Box, to: Box, between: Point[]): Edge {
  const near = (box: Box, x: number) =>
    Math.min(Math.max(x, middle(box) - WIDTH / 3), middle(box) + WIDTH / 3);
  const start = near(from, between[0]?.[0] ?? middle(to));
  const end = near(to, between.at(-1)?.[0] ?? start);
  const points: Point[] = [[start, from.y + from.height], ...between, [end, to.y]];
  return { from: from.name, to: to.name, points };
}

/** Moves all so that it begins at 0, 0. */
function extent(sizes: Map<string, Box>, edges: Edge[]): { width: number; height: number } {
  const boxes = [...sizes.values()];
  const across = edges.flatMap(({ points }) => points.map(([x]) => x));
  const left = Math.min(...boxes.map(({ x }) => x), ...across);
  const top = Math.min(...boxes.map(({ y }) => y));
  for (const box of boxes) {
    box.x -= left;
    box.y -= top;
  }
  for (const one of edges) one.points = one.points.map(([x, y]) => [x - left, y - top]);
  return {
    width: Math.max(0, ...boxes.map(({ x, width }) => x + width), ...across.map((x) => x - left)),
    height: Math.max(0, ...boxes.map(({ y, height }) => y + height)),
  };
}
