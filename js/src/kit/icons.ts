import { createElement, type IconNode } from "lucide";

/** Beside words, or in a button that has a name: a screen reader passes over it. */
export const icon = (node: IconNode): SVGElement =>
  createElement(node, { "aria-hidden": "true", width: 16, height: 16, class: "actmax-icon" });
