/**
 * Hears from the host when the kernel goes. ipywidgets itself tells a widget only that its comm came or went, and not even
 * that when a kernel dies; JupyterLab, Notebook 7 and Voila know at once. What they offer is not part of anywidget's
 * contract, so whatever is missing is passed over: then the first message that cannot be sent tells.
 */

import type { Cleanup } from "../kit/scope";
import type { ActMaxModel } from "./model";

/** Why there is no kernel. */
export type Loss = "unknown" | "reconnecting" | "disconnected" | "restarted" | "shut down" | "died";

/** What says more about a lost kernel stands; a restart is followed by a lost connection, a death by a restart. */
export const RANKS: Record<Loss, number> = {
  unknown: 1,
  reconnecting: 2,
  disconnected: 3,
  restarted: 4,
  "shut down": 5,
  died: 6,
};

export interface KernelNews {
  lost(loss: Loss): void;
  /** The connection is there again; whether our kernel is at its other end only its answer tells. */
  back(): void;
}

/** A Lumino signal. */
interface Signal<T> {
  connect(slot: (sender: unknown, args: T) => void): unknown;
  disconnect(slot: (sender: unknown, args: T) => void): unknown;
}

/** A kernel's connection, or the session of a notebook, which outlives its kernels. */
interface Source {
  statusChanged?: Signal<string>;
  connectionStatusChanged?: Signal<string>;
  kernelChanged?: Signal<{ newValue?: unknown }>;
}

interface Manager {
  /** A notebook's. */
  context?: { sessionContext?: Source };
  /** Where there is no notebook, as in Voila. */
  kernel?: Source | null;
}

const LOSSES: Record<string, Loss> = {
  terminating: "shut down",
  restarting: "restarted",
  autorestarting: "died",
  dead: "died",
};

export function watchKernel(model: ActMaxModel, news: KernelNews): Cleanup {
  const manager = (model as { widget_manager?: Manager }).widget_manager;
  const source = manager?.context?.sessionContext ?? manager?.kernel ?? {};
  const cleanups = [
    listen(source.statusChanged, (status) => {
      const loss = LOSSES[status];
      if (loss) news.lost(loss);
    }),
    listen(source.connectionStatusChanged, (status) => {
      if (status === "connected") news.back();
      else news.lost(status === "connecting" ? "reconnecting" : "disconnected");
    }),
    listen(source.kernelChanged, ({ newValue }) => news.lost(newValue ? "restarted" : "shut down")),
  ];
  return () => {
    for (const cleanup of cleanups) cleanup();
  };
}

function listen<T>(signal: Signal<T> | undefined, hear: (args: T) => void): Cleanup {
  const slot = (_: unknown, args: T) => hear(args);
  signal?.connect?.(slot);
  return () => signal?.disconnect?.(slot);
}
