// Monaco asks for a worker by label. Ours are files beside this bundle, so the page needs no blob: URL
// and no other host. Imported first: Monaco reads the variable as soon as an editor is made.
const FILES = { json: "json.worker.js", graphql: "graphql.worker.js" };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(FILES[label] ?? "editor.worker.js", import.meta.url), { type: "module" }),
};
