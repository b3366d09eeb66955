// urql against the small shop. usage: node urql.mjs HTTP_URL WS_URL
import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { createClient as createEvents } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";
import { subscribe } from "wonka";
import WebSocket from "ws";
import { check, equal, runChecks } from "./checks.mjs";

const [, , url, socketUrl] = process.argv;
// urql sends short queries in addresses unless told otherwise; a plain GET is what any page can cause.
const make = (exchanges = [cacheExchange, fetchExchange], options = {}) =>
  new Client({ url, exchanges, preferGetMethod: false, ...options });
const over = (client) =>
  subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: client.subscribe({ query: query ?? "", variables }, sink) }),
    }),
  });
const take = (source, enough) =>
  new Promise((resolve) => {
    const seen = [];
    const { unsubscribe } = subscribe((value) => {
      seen.push(value);
      if (enough(value, seen)) {
        setTimeout(() => unsubscribe());
        resolve(seen);
      }
    })(source);
  });

check("a query", async () => {
  const { data } = await make().query(gql`query ($n: String) { hello(name: $n) }`, { n: "Ann" });
  equal(data.hello, "Hello, Ann!");
});
check("a mutation", async () => {
  equal((await make().mutation(gql`mutation { ring }`, {})).data.ring, "ding");
});
check("a failed seam is partial data with its code", async () => {
  const { data, error } = await make().query(gql`{ hello seam }`, {});
  equal([data.hello, error.graphQLErrors[0].extensions.code], ["Hello, world!", "THROTTLED"]);
});
check("@defer", async () => {
  const query = gql`{ hello products(first: 2) { id ... @defer { price } } ... @defer { slow(seconds: 0.1) } }`;
  const seen = await take(make([fetchExchange]).query(query, {}), (value) => !value.hasNext);
  equal([seen[0].data.hello, seen[0].data.slow], ["Hello, world!", undefined]);
  equal([seen.at(-1).data.slow, seen.at(-1).data.products[1].price], ["at last", "1990.00"]);
});
check("@stream", async () => {
  const query = gql`{ products(first: 4) @stream(initialCount: 1) { id } }`;
  const seen = await take(make([fetchExchange]).query(query, {}), (value) => !value.hasNext);
  equal(seen.at(-1).data.products.map((product) => product.id), ["0", "1", "2", "3"]);
});
for (const preferGetForPersistedQueries of [false, true]) {
  check(`persisted queries, ${preferGetForPersistedQueries ? "GET" : "POST"}`, async () => {
    const persisted = persistedExchange({ preferGetForPersistedQueries });
    const options = { fetchOptions: { headers: { "graphql-require-preflight": "1" } } };
    for (let round = 0; round < 2; round += 1) {
      const client = make([persisted, fetchExchange], options);
      const query = gql(`query Urql${preferGetForPersistedQueries ? "Get" : "Post"} { hello }`);
      equal((await client.query(query, {})).data.hello, "Hello, world!");
    }
  });
}
const TICKS = gql`subscription { ticks }`;
const three = (_value, seen) => seen.length === 3;
check("a subscription over WebSocket", async () => {
  const client = createSocket({ url: socketUrl, webSocketImpl: WebSocket });
  const seen = await take(make([over(client)]).subscription(TICKS, {}), three);
  equal(seen.map((value) => value.data.ticks), [0, 1, 2]);
  await client.dispose();
});
check("a subscription over events, graphql-sse", async () => {
  const seen = await take(make([over(createEvents({ url }))]).subscription(TICKS, {}), three);
  equal(seen.map((value) => value.data.ticks), [0, 1, 2]);
});
check("a subscription over events, urql's own", async () => {
  const client = make([fetchExchange], { fetchSubscriptions: true });
  const seen = await take(client.subscription(TICKS, {}), three);
  equal(seen.map((value) => value.data.ticks), [0, 1, 2]);
});
await runChecks();
