import type { Link } from "../kernel/link";
import type { Scope } from "../kit/scope";
import { TEXTS } from "../texts";

const MEGABYTE = 1e6;
/** Jupyter Server closes the connection over a message of more than 10 MiB. */
const LARGEST = 10 * MEGABYTE;

interface Reports {
  /** What is under way. */
  busy(words: string): void;
  /** Why nothing was sent; "" where there is no such reason. */
  problem(sentence: string): void;
}

/** Hands the starting picture to the kernel as the file that was chosen: the kernel decodes it. */
export class Upload {
  readonly #link: Link;
  readonly #reports: Reports;
  /** Counts the choices: a large file, read slowly, must not overtake the one chosen after it. */
  #newest = 0;

  constructor(link: Link, reports: Reports) {
    this.#link = link;
    this.#reports = reports;
  }

  async send(file: File): Promise<void> {
    if (file.size > LARGEST) return this.#reports.problem(tooLarge(file));
    const choice = this.#begin(TEXTS.upload.sending(file.name));
    const bytes = await read(file);
    if (choice !== this.#newest) return;
    if (bytes) this.#link.send({ type: "seed_picture", name: file.name }, [bytes]);
    else this.#reports.problem(TEXTS.upload.unreadable(file.name));
  }

  clear(): void {
    this.#begin(TEXTS.upload.clearing);
    this.#link.send({ type: "clear_seed_picture" });
  }

  #begin(words: string): number {
    this.#reports.problem("");
    this.#reports.busy(words);
    return ++this.#newest;
  }
}

/** `null` for a folder, and for a file that is gone or locked. */
const read = (file: File): Promise<ArrayBuffer | null> => file.arrayBuffer().catch(() => null);

function tooLarge({ name, size }: File): string {
  // Rounded up: "10.0 MB" would not be more than 10.
  const megabytes = (Math.ceil((size / MEGABYTE) * 10) / 10).toFixed(1);
  return TEXTS.upload.tooLarge(name, megabytes, LARGEST / MEGABYTE);
}

interface DropOptions {
  isOpen(): boolean;
  take(file: File): void;
}

/** Takes a file dropped onto `zone`; whatever else is dragged over it is left alone. */
export function acceptDrops(zone: HTMLElement, scope: Scope, { isOpen, take }: DropOptions): void {
  const offer = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    // Prevented even where it is refused: the browser would open the file in place of the notebook.
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = isOpen() ? "copy" : "none";
    zone.classList.toggle("actmax-drop", isOpen());
  };
  const leave = ({ relatedTarget }: DragEvent) => {
    if (!zone.contains(relatedTarget as Node | null)) zone.classList.remove("actmax-drop");
  };
  const drop = (event: DragEvent) => {
    offer(event);
    zone.classList.remove("actmax-drop");
    const file = event.dataTransfer?.files[0];
    if (file && isOpen()) take(file);
  };
  scope.listen(zone, "dragenter", offer);
  scope.listen(zone, "dragover", offer);
  scope.listen(zone, "dragleave", leave);
  scope.listen(zone, "drop", drop);
  scope.add(() => zone.classList.remove("actmax-drop"));
}
