// Apollo Client 4 against the small shop. usage: node apollo.mjs HTTP_URL WS_URL
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Defer20220824Handler, GraphQL17Alpha9Handler } from "@apollo/client/incremental";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { check, equal, runChecks } from "./checks.mjs";

const [, , uri, socketUri] = process.argv;
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const make = (link = new HttpLink({ uri }), incrementalHandler = new Defer20220824Handler()) =>
  new ApolloClient({ cache: new InMemoryCache(), link, incrementalHandler });
const collect = (observable, until) =>
  new Promise((resolve, reject) => {
    const seen = [];
    const subscription = observable.subscribe({
      next: (value) => {
        seen.push(value);
        if (until?.(value)) {
          subscription.unsubscribe();
          resolve(seen);
        }
      },
      error: reject,
      complete: () => resolve(seen),
    });
  });

check("a query", async () => {
  const { data } = await make().query({ query: gql`query Hello($n: String) { hello(name: $n) }`, variables: { n: "Ann" } });
  equal(data.hello, "Hello, Ann!");
});
check("a mutation", async () => {
  const { data } = await make().mutate({ mutation: gql`mutation { ring }` });
  equal(data.ring, "ding");
});
check("a failed seam is partial data with its code", async () => {
  const { data, error } = await make().query({ query: gql`{ hello seam }`, errorPolicy: "all" });
  equal([data.seam, error.errors[0].extensions.code], [null, "THROTTLED"]);
});
check("a refused document is an error with its code", async () => {
  const { error } = await make().query({ query: gql`{ nope }`, errorPolicy: "all" });
  equal(error.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
});
const DEFERRED = gql`
  query Page {
    hello
    products(first: 2) { id ... @defer(label: "prices") { price } }
    ... @defer { slow(seconds: 0.1) }
  }
`;
for (const [name, handler] of [["by path", Defer20220824Handler], ["by id", GraphQL17Alpha9Handler]]) {
  check(`@defer, parts ${name}`, async () => {
    const watched = make(undefined, new handler()).watchQuery({ query: DEFERRED });
    const seen = await collect(watched, (value) => !value.loading && value.data?.slow !== undefined);
    const [first, last] = [seen.find((value) => value.data), seen.at(-1)];
    equal([first.data.hello, first.data.slow], ["Hello, world!", undefined]);
    equal([last.data.slow, last.data.products.map((product) => product.price)], ["at last", ["1990.00", "1990.00"]]);
  });
}
check("@stream, parts by id", async () => {
  const query = gql`query { products(first: 4) @stream(initialCount: 1) { id } }`;
  const watched = make(undefined, new GraphQL17Alpha9Handler()).watchQuery({ query });
  const seen = await collect(watched, (value) => value.data?.products?.length === 4);
  equal(seen.at(-1).data.products.map((product) => product.id), ["0", "1", "2", "3"]);
});
for (const useGETForHashedQueries of [false, true]) {
  check(`persisted queries, ${useGETForHashedQueries ? "GET" : "POST"}`, async () => {
    const asked = [];
    const watchedFetch = (address, init) => {
      asked.push(init.method);
      return fetch(address, init);
    };
    const name = useGETForHashedQueries ? "Get" : "Post";
    for (let round = 0; round < 2; round += 1) {
      const link = ApolloLink.from([
        new PersistedQueryLink({ sha256, useGETForHashedQueries }),
        new HttpLink({ uri, fetch: watchedFetch }),
      ]);
      const { data } = await make(link).query({ query: gql(`query By${name} { hello }`) });
      equal(data.hello, "Hello, world!");
    }
    const hashed = useGETForHashedQueries ? "GET" : "POST";
    equal(asked, [hashed, "POST", hashed]);
  });
}
check("a subscription over WebSocket", async () => {
  const client = createClient({ url: socketUri, webSocketImpl: WebSocket });
  const seen = await collect(make(new GraphQLWsLink(client)).subscribe({ query: gql`subscription { ticks }` }));
  equal(seen.map((value) => value.data.ticks), [0, 1, 2]);
  await client.dispose();
});
check("a subscription over multipart HTTP", async () => {
  const seen = await collect(make().subscribe({ query: gql`subscription { ticks }` }));
  equal(seen.map((value) => value.data.ticks), [0, 1, 2]);
});
await runChecks();
