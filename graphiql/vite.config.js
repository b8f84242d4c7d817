// Builds the page into the Python package, which serves it below /graphiql/.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/graphiql/",
  build: {
    outDir: "../gql_releases/web/graphiql",
    emptyOutDir: true,
    chunkSizeWarningLimit: 10000,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});
