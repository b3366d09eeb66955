import "./workers.js";

import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { useMemo, useRef, useState } from "react";
import { createRoot } from "react-dom/client";

import "./page.css";

const ANONYMOUS = "";

async function readJson(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: expected 200, got ${response.status}`);
  return response.json();
}

const askToken = (customerId) =>
  readJson("graphiql/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ customerId }),
  });

function SignIn({ customers, onToken }) {
  const [chosen, choose] = useState(ANONYMOUS);
  const [failure, setFailure] = useState("");
  const latest = useRef(ANONYMOUS);

  async function signIn(customerId) {
    latest.current = customerId;
    choose(customerId);
    setFailure("");
    onToken(null); // until the new token is here nothing is asked in the last customer's name
    if (customerId === ANONYMOUS) return;
    try {
      const { token } = await askToken(customerId);
      if (latest.current === customerId) onToken(token);
    } catch (error) {
      if (latest.current !== customerId) return;
      choose(ANONYMOUS);
      setFailure(error.message);
    }
  }

  return (
    <label className="sign-in">
      {failure && <span className="sign-in-failure" role="alert">{failure}</span>}
      <span>Signed in as</span>
      <select id="sign-in" value={chosen} onChange={(event) => signIn(event.target.value)}>
        <option value={ANONYMOUS}>Anonymous visitor</option>
        {customers.map(({ id, name, note }) => (
          <option key={id} value={id}>{note ? `${name} (${note})` : name}</option>
        ))}
      </select>
    </label>
  );
}

const Mark = () => (
  <svg className="mark" viewBox="0 0 24 24" aria-hidden="true">
    <path d="M4 7h7a5 5 0 0 1 5 5v0a5 5 0 0 0 4 5" />
    <path d="M4 12h5a3 3 0 0 1 3 3v2" />
    <path d="M20 7h-3" />
    <circle cx="4" cy="7" r="1.6" /><circle cx="4" cy="12" r="1.6" /><circle cx="12" cy="18.4" r="1.6" /><circle cx="20" cy="17" r="1.6" />
  </svg>
);

// GraphiQL reads the operation's name a moment after a tab was chosen; run before that, the document goes
// with the name of the tab before. A name that the document does not have is left out.
function withOwnName({ operationName, ...params }) {
  const isOwn = operationName && new RegExp(`\\b${operationName}\\b`).test(params.query);
  return isOwn ? { ...params, operationName } : params;
}

// GraphiQL opens its first tab with the initial variables, not with the tab's own. Given on a later
// visit too, they would add one more tab to those that the visitor left.
function firstTab(tabs) {
  if (localStorage.getItem("graphiql:tabState") !== null) return {};
  return { initialQuery: tabs[0].query, initialVariables: tabs[0].variables };
}

function Page({ settings, customers }) {
  const token = useRef(null);
  const fetcher = useMemo(() => {
    const ask = createGraphiQLFetcher({ url: settings.endpoint });
    return (params, options) => {
      const signed = token.current ? { authorization: `Bearer ${token.current}` } : {};
      return ask(withOwnName(params), { ...options, headers: { ...signed, ...options?.headers } });
    };
  }, [settings.endpoint]);

  return (
    <>
      <header className="bar">
        <Mark />
        <h1>{settings.product}</h1>
        <code className="endpoint">POST {settings.endpoint}</code>
        {customers && <SignIn customers={customers} onToken={(given) => { token.current = given; }} />}
        {settings.signIn && !customers && <span className="sign-in" role="status">Signing in is not available now</span>}
      </header>
      <main>
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={settings.tabs}
          {...firstTab(settings.tabs)}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
          showPersistHeadersSettings={false}
        >
          <GraphiQL.Logo> </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

async function open() {
  const settings = await readJson("graphiql/settings");
  const customers = settings.signIn ? await readJson("graphiql/customers").catch(() => null) : null;
  document.title = `${settings.product} · GraphiQL`;
  createRoot(document.getElementById("page")).render(<Page settings={settings} customers={customers} />);
}

open().catch((error) => {
  document.getElementById("page").textContent = `GraphiQL could not start: ${error.message}`;
});
