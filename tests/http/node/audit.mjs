// The server audits of graphql-http. usage: node audit.mjs URL
// https://github.com/graphql/graphql-http/tree/main/implementations
import { serverAudits } from "graphql-http";
import { check, runChecks } from "./checks.mjs";

const url = process.argv[2];
// Audits that send queries in addresses are plain GETs, which no page of another site may cause here.
const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, "graphql-require-preflight": "1" } });
for (const audit of serverAudits({ url, fetchFn })) {
  check(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    if (result.status !== "ok") throw new Error(`${result.status}: ${result.reason}`);
  });
}
await runChecks();
