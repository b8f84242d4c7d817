// GraphiQL for this server, with a bar that holds the token.
import "graphiql/setup-workers/vite";
import { GraphiQL } from "graphiql";
import { createElement as h, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "./style.css";
import { keepToken, readToken, takeTokenFromAddress } from "./token.js";
import { tabs } from "./tabs.js";

takeTokenFromAddress();

async function ask(parameters, headers = {}) {
  const token = readToken();
  const response = await fetch("/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/graphql-response+json, application/json",
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
    body: JSON.stringify(parameters),
  });
  return response.json();
}

// The schema answers without a token, and a wrong one must not hide it.
function fetcher(parameters, options) {
  if (parameters.operationName === "IntrospectionQuery") {
    return fetch("/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(parameters),
    }).then((response) => response.json());
  }
  return ask(parameters, options?.headers);
}

async function whose() {
  if (!readToken()) {
    return { state: "none", text: "no token" };
  }
  const answer = await ask({ query: "{ viewer { token { name } } }" });
  const viewer = answer.data?.viewer;
  return viewer
    ? { state: "good", text: `signed in${viewer.token.name ? ` as ${viewer.token.name}` : ""}` }
    : { state: "bad", text: answer.errors?.[0]?.message ?? "token refused" };
}

function TokenBar() {
  const [token, setToken] = useState(readToken());
  const [status, setStatus] = useState({ state: "none", text: "" });
  useEffect(() => {
    keepToken(token.trim());
    const later = setTimeout(() => whose().then(setStatus, () => setStatus({ state: "bad", text: "no answer" })), 300);
    return () => clearTimeout(later);
  }, [token]);
  return h(
    "header",
    { className: "token-bar" },
    h("strong", null, "gql_releases"),
    h("label", { htmlFor: "token" }, "Token"),
    h("input", {
      id: "token",
      type: "password",
      value: token,
      placeholder: "gqlr_…",
      autoComplete: "off",
      spellCheck: false,
      onChange: (event) => setToken(event.target.value),
    }),
    h("button", { type: "button", onClick: () => setToken(""), disabled: !token }, "Clear"),
    h("span", { className: `status ${status.state}`, role: "status" }, status.text),
    h("a", { href: "/schema.graphql", target: "_blank", rel: "noreferrer" }, "schema.graphql"),
  );
}

// GraphiQL takes the first tab's variables from here, unless it remembers tabs of its own.
const remembers = localStorage.getItem("graphiql:tabState") !== null;
const first = remembers ? {} : { initialVariables: tabs[0].variables };

function Page() {
  return h(
    "div",
    { className: "page" },
    h(TokenBar),
    h(
      "main",
      null,
      h(GraphiQL, {
        fetcher,
        defaultTabs: tabs,
        defaultEditorToolsVisibility: "variables",
        shouldPersistHeaders: false,
        ...first,
      }),
    ),
  );
}

createRoot(document.getElementById("root")).render(h(Page));
