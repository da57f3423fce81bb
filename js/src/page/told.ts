/** What Python writes into a page: `actmax_widget/export/page.py` has the same. */
import type { Traits } from "../kernel/model";

/** A line of a list: what it is called, and its value. */
export type Said = readonly [name: string, value: string];

/** One picture with what belongs to it. Bytes are in base64, pictures are WebP or PNG files. */
export interface RunData {
  title: string;
  /** By what it differs from the others. */
  differs: readonly Said[];
  /** The same as numbers, to sort by; `null` for what is none. */
  values: readonly (number | null)[];
  activation: number | null;
  facts: Partial<Traits>;
  iteration: number;
  shape: readonly [number, number, number];
  picture: string;
  /** float32, little endian; empty where the losses were left out. */
  rows: string;
  film: {
    kept: readonly number[];
    shape: readonly [number, number, number];
    pictures: readonly string[];
  } | null;
  settings: readonly Said[];
  code: string;
}

export interface PageData {
  title: string;
  isSheet: boolean;
  /** What of the settings differs between the pictures of a sheet. */
  titles: readonly string[];
  /** What all of a sheet have in common, and code that makes all of it. */
  settings: readonly Said[];
  code: string;
  /** What was left out or compressed, and what made the page. */
  notes: readonly string[];
  runs: readonly RunData[];
}
