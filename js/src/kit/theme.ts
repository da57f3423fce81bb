import type { Scope } from "./scope";

const QUERIES = [
  "(prefers-color-scheme: dark)",
  "(prefers-contrast: more)",
  "(forced-colors: active)",
];

/** Calls `changed` when colours may be others: a canvas keeps those that it was painted with. */
export function watchTheme(scope: Scope, changed: () => void): void {
  // How JupyterLab says which theme it wears.
  const observer = new MutationObserver(changed);
  observer.observe(document.body, {
    attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"],
  });
  scope.add(() => observer.disconnect());
  for (const query of QUERIES.map((query) => matchMedia(query))) {
    query.addEventListener("change", changed);
    scope.add(() => query.removeEventListener("change", changed));
  }
}
