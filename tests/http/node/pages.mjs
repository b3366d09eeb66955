// Apollo Client and urql against the real gateway: every page of a shop, whole, by its hash, and with a slow seam deferred.
// usage: node pages.mjs URL FOLDER_OF_OPERATIONS TOKEN
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql as apolloGql } from "@apollo/client";
import { Defer20220824Handler } from "@apollo/client/incremental";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange, gql } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { pipe, subscribe } from "wonka";
import { check, equal, runChecks } from "./checks.mjs";

const [, , url, folder, token] = process.argv;
const headers = { authorization: `Bearer ${token}` };
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const pages = readdirSync(folder)
  .filter((name) => name.endsWith(".graphql"))
  .sort()
  .map((name) => ({
    name,
    document: readFileSync(join(folder, name), "utf8"),
    variables: JSON.parse(readFileSync(join(folder, name.replace(".graphql", ".json")), "utf8")),
  }));
const product = pages.find(({ name }) => name.startsWith("05")).variables;
const withoutNames = (value) => JSON.parse(JSON.stringify(value, (key, item) => (key === "__typename" ? undefined : item)));
const filled = (data) => {
  const roots = Object.values(withoutNames(data));
  equal(roots.length > 0 && roots.every((root) => root !== null), true);
};

const apollo = (...links) =>
  new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([...links, new HttpLink({ uri: url, headers })]),
    incrementalHandler: new Defer20220824Handler(),
    defaultOptions: { query: { errorPolicy: "all" }, watchQuery: { errorPolicy: "all" } },
  });
const urql = (...exchanges) =>
  new Client({ url, preferGetMethod: false, fetchOptions: { headers }, exchanges: [...exchanges, fetchExchange] });
// Every fetch that a persisted query takes, as whether it carried a text.
const watched = [];
const realFetch = globalThis.fetch;
globalThis.fetch = (address, init) => {
  watched.push(Boolean(init?.body && JSON.parse(init.body).query));
  return realFetch(address, init);
};

check("there are pages", async () => equal(pages.length, 8));
for (const { name, document, variables } of pages) {
  check(`Apollo Client, ${name}`, async () => {
    const { data, error } = await apollo().query({ query: apolloGql(document), variables });
    equal(error, undefined);
    filled(data);
  });
  check(`Apollo Client by hash, ${name}`, async () => {
    const link = () => new PersistedQueryLink({ sha256 });
    await apollo(link()).query({ query: apolloGql(document), variables });
    watched.length = 0;
    const { data, error } = await apollo(link()).query({ query: apolloGql(document), variables });
    equal([error, watched], [undefined, [false]]);
    filled(data);
  });
  check(`urql, ${name}`, async () => {
    const { data, error } = await urql().query(gql(document), variables);
    equal(error, undefined);
    filled(data);
  });
  check(`urql by hash, ${name}`, async () => {
    const client = () => urql(persistedExchange({ preferGetForPersistedQueries: false }));
    await client().query(gql(document), variables);
    watched.length = 0;
    const { data, error } = await client().query(gql(document), variables);
    equal([error, watched], [undefined, [false]]);
    filled(data);
  });
}

// Delivery is slow when this runs: the page must be there before it, and the promise after it.
const DEFERRED = `query Deferred($handle: String!) {
  product(by: { handle: $handle }) {
    id
    title
    price { lowest { current { formatted } } }
    ... @defer(label: "delivery") { variant { id deliveryPromise { methods { method } } } }
    ...Similar @defer
  }
}
fragment Similar on Product {
  similar: recommendations(placement: "product_similar", first: 4) { title items { product { id title } } }
}`;
const isEarly = (seen) => {
  const [first, last] = [seen[0], seen.at(-1)];
  equal([Boolean(first.product.title), first.product.variant], [true, undefined]);
  equal(last.product.variant.deliveryPromise.methods.length > 0, true);
  equal(last.product.similar.items.length > 0, true);
};
check("Apollo Client defers a slow seam", async () => {
  const query = apolloGql(DEFERRED);
  const seen = await new Promise((resolve, reject) => {
    const parts = [];
    const watching = apollo().watchQuery({ query, variables: { handle: product.handle } });
    const subscription = watching.subscribe({
      next: ({ data, loading }) => {
        if (data?.product) parts.push(data);
        if (!loading && data?.product?.variant && data.product.similar) {
          subscription.unsubscribe();
          resolve(parts);
        }
      },
      error: reject,
    });
  });
  isEarly(seen);
});
check("urql defers a slow seam", async () => {
  const seen = await new Promise((resolve, reject) => {
    const parts = [];
    pipe(
      urql().query(gql(DEFERRED), { handle: product.handle }),
      subscribe(({ data, error, hasNext }) => {
        if (error) reject(error);
        if (data?.product) parts.push(data);
        if (!hasNext) resolve(parts);
      }),
    );
  });
  isEarly(seen);
});
await runChecks();
