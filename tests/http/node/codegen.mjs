// graphql-codegen makes TypeScript of a schema and a project's documents, and the TypeScript compiler accepts it.
// usage: node codegen.mjs SCHEMA_FILE FOLDER_OF_DOCUMENTS OUTPUT_FILE
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codegen } from "@graphql-codegen/core";
import * as operations from "@graphql-codegen/typescript-operations";
import * as types from "@graphql-codegen/typescript";
import { parse } from "graphql";
import ts from "typescript";
import { check, equal, runChecks } from "./checks.mjs";

const [, , schemaFile, folder, filename] = process.argv;
const names = readdirSync(folder).filter((name) => name.endsWith(".graphql"));
const documents = names.map((name) => ({
  location: join(folder, name),
  document: parse(readFileSync(join(folder, name), "utf8")),
}));
const config = { strictScalars: false, nonOptionalTypename: true };

check("graphql-codegen accepts the schema and the documents", async () => {
  const made = await codegen({
    schema: parse(readFileSync(schemaFile, "utf8")),
    documents,
    filename,
    config,
    plugins: [{ typescript: {} }, { operations: {} }],
    pluginMap: { typescript: types, operations },
  });
  const wanted = documents.flatMap(({ document }) =>
    document.definitions.filter(({ kind }) => kind === "OperationDefinition").map(({ name }) => `export type ${name.value}Query `),
  );
  equal(wanted.filter((text) => !made.includes(text)), []);
  writeFileSync(filename, made);
});
check("TypeScript accepts what it made", async () => {
  const options = { strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, skipLibCheck: true };
  const found = ts.getPreEmitDiagnostics(ts.createProgram([filename], options));
  equal(found.slice(0, 5).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " ")), []);
});
await runChecks();
