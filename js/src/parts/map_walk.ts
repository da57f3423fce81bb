import type { Box, Drawing, Place } from "./map_layout";

/** A layer on the map, and where it is. */
export interface Walked extends Place {
  inside: readonly Walked[];
  outside: Walked | null;
}

/**
 * Where the arrow keys lead on the map: up and down along the connections, into open folders and out of them, left and right
 * to what stands beside. At an edge the focus stays.
 */
export function destination(
  node: Walked,
  key: string,
  roots: readonly Walked[],
  drawing: Drawing,
): string | undefined {
  const walk = createWalk(roots, drawing);
  switch (key) {
    case "ArrowDown":
      return (walk.into(node) ?? walk.after(node) ?? node).name;
    case "ArrowUp":
      return (walk.before(node) ?? node).name;
    case "ArrowLeft":
      return (walk.beside(node, -1) ?? node).name;
    case "ArrowRight":
      return (walk.beside(node, 1) ?? node).name;
    case "Home":
      return drawing.boxes[0]?.name;
    case "End":
      return drawing.boxes.at(-1)?.name;
    default:
      return undefined;
  }
}

function createWalk(roots: readonly Walked[], drawing: Drawing) {
  const folders = new Map(drawing.frames.map((box) => [box.name, box]));
  const drawn = new Map(drawing.boxes.map((box) => [box.name, box]));
  const boxOf = (name: string) => folders.get(name) ?? drawn.get(name);
  const isDrawn = ({ name }: Walked) => drawn.has(name);
  const groupOf = ({ outside }: Walked) => (outside?.inside ?? roots).filter(isDrawn);
  const isList = (group: readonly Walked[]) => group.every(({ sources }) => sources.length === 0);
  const takes = (one: Walked, other: Walked) => one.sources.includes(other.name);

  const nearest = (node: Walked, others: readonly Walked[]): Walked | undefined => {
    const from = boxOf(node.name);
    const away = (other: Walked) => {
      const to = boxOf(other.name);
      return from && to ? Math.abs(to.y - from.y) * 100 + Math.abs(middle(to) - middle(from)) : 0;
    };
    return [...others].sort((a, b) => away(a) - away(b))[0];
  };
  const into = ({ name, inside }: Walked): Walked | undefined =>
    folders.has(name) ? inside.find(isDrawn) : undefined;
  const after = (node: Walked): Walked | undefined => {
    const group = groupOf(node);
    const found = isList(group)
      ? group[group.indexOf(node) + 1]
      : nearest(
          node,
          group.filter((other) => takes(other, node)),
        );
    return found ?? (node.outside ? after(node.outside) : undefined);
  };
  /** The last one inside of an open folder, as far inside as can be. */
  const endOf = (node: Walked): Walked => {
    const end = folders.has(node.name) ? node.inside.filter(isDrawn).at(-1) : undefined;
    return end ? endOf(end) : node;
  };
  const before = (node: Walked): Walked | undefined => {
    const group = groupOf(node);
    const found = isList(group)
      ? group[group.indexOf(node) - 1]
      : nearest(
          node,
          group.filter((other) => takes(node, other)),
        );
    return found ? endOf(found) : (node.outside ?? undefined);
  };
  const beside = (node: Walked, direction: 1 | -1): Walked | undefined => {
    const from = boxOf(node.name);
    const others = groupOf(node).filter(({ name }) => {
      const to = boxOf(name);
      const isLevel = from && to && to.y < from.y + from.height && from.y < to.y + to.height;
      return isLevel && (middle(to) - middle(from)) * direction > 0;
    });
    const away = ({ name }: Walked) => Math.abs(middle(boxOf(name)) - middle(from));
    return others.sort((a, b) => away(a) - away(b))[0];
  };
  return { into, after, before, beside };
}

const middle = (box: Box | undefined): number => (box ? box.x + box.width / 2 : 0);
