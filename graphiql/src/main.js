// GraphiQL for this server, with a bar that holds the token.
import "graphiql/setup-workers/vite";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { createElement as h, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./style.css";
import { fetcher, onRefusal, whose } from "./asking.js";
import { EXAMPLES_PLUGIN } from "./examples-plugin.js";
import { tabs } from "./examples.js";
import { activeTab } from "./stored-tabs.js";
import { Logo } from "./logo.js";
import { keepToken, readToken, takeTokenFromAddress } from "./token.js";

takeTokenFromAddress();

const COMMAND = "gql-releases token create acme --scope org:ci --expires 1";
const MESSAGES = {
  UNAUTHENTICATED: "The request has no token: only the schema can be read without one.",
  INVALID_TOKEN: "The token is wrong, revoked or expired.",
  FORBIDDEN: "The token lacks a scope that the operation needs.",
};

function Notice({ refusal }) {
  return h(
    "div",
    { className: "notice", role: "alert" },
    h("strong", null, MESSAGES[refusal]),
    " Enter a token in the field above. Create one with ",
    h("code", null, COMMAND),
    "; ", h("code", null, "make run"), " prints one.",
  );
}

function TokenBar({ onStatus }) {
  const [token, setToken] = useState(readToken());
  const [status, setStatus] = useState({ state: "none", text: "" });
  useEffect(() => {
    keepToken(token.trim());
    const tell = (found) => {
      setStatus(found);
      onStatus(found);
    };
    const later = setTimeout(() => whose().then(tell, () => tell({ state: "bad", text: "no answer" })), 300);
    return () => clearTimeout(later);
  }, [token, onStatus]);
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

const plugins = [HISTORY_PLUGIN, explorerPlugin(), EXAMPLES_PLUGIN];

// GraphiQL fills its editors from these, also after a reload, when it keeps the tabs but not what is in the editors.
const { query: initialQuery, variables: initialVariables } = activeTab(tabs[0]);

function statusRefusal({ state }) {
  return state === "bad" ? "INVALID_TOKEN" : state === "none" ? "UNAUTHENTICATED" : null;
}

function Page() {
  const [refusal, setRefusal] = useState(null);
  const [onStatus] = useState(() => (found) => setRefusal(statusRefusal(found)));
  useEffect(() => onRefusal(setRefusal), []);
  return h(
    "div",
    { className: "page" },
    h(TokenBar, { onStatus }),
    refusal && h(Notice, { refusal }),
    h(
      "main",
      null,
      h(
        GraphiQL,
        {
          fetcher,
          plugins,
          defaultTabs: tabs,
          defaultEditorToolsVisibility: "variables",
          shouldPersistHeaders: false,
          initialQuery,
          initialVariables,
        },
        h(GraphiQL.Logo, null, h(Logo)),
      ),
    ),
  );
}

createRoot(document.getElementById("root")).render(h(Page));
