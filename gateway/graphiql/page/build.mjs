// Builds the page and Monaco's workers into the folder given as the first argument, and writes what
// went into it (esbuild's metafile) to the file given as the second. Run by scripts/fetch_graphiql.
import { writeFile } from "node:fs/promises";
import { build } from "esbuild";

const [outdir, metafile] = process.argv.slice(2);

// graphiql/style.css already holds Monaco's styles; what its modules import beside it would be a second copy.
const monacoStylesOnce = {
  name: "monaco-styles-once",
  setup(bundle) {
    bundle.onLoad({ filter: /[\\/]monaco-editor[\\/].*\.css$/ }, () => ({ contents: "", loader: "css" }));
  },
};

const result = await build({
  entryPoints: {
    page: "page.jsx",
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  jsx: "automatic",
  charset: "utf8",
  chunkNames: "chunks/[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  external: ["graphql-ws"], // only for a subscriptionUrl, which the page does not set
  legalComments: "none", // every licence stands in LICENSES.txt
  plugins: [monacoStylesOnce],
  metafile: true,
  logLevel: "warning",
});
await writeFile(metafile, JSON.stringify(result.metafile));
