import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "happy-dom",
    // Its file for Node is no module, although its package says that all of them are.
    server: { deps: { inline: ["@panzoom/panzoom"] } },
    include: ["tests/*.test.ts"],
    restoreMocks: true,
  },
});
