// A list of examples beside the editor; each opens in a tab of its own.
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { createElement as h } from "react";
import { examples } from "./examples.js";

function Icon(props) {
  return h(
    "svg",
    { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.5, ...props },
    h("path", { d: "M5 4h10l4 4v12H5zM15 4v4h4M8 12h8M8 16h5", strokeLinejoin: "round" }),
  );
}

function Examples() {
  const { addTab } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);

  function open({ query, variables }) {
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
  }

  const list = (title, chosen) => [
    h("h3", { key: `${title}-title` }, title),
    h(
      "ul",
      { key: title },
      chosen.map((one) =>
        h("li", { key: one.name }, h("button", { type: "button", onClick: () => open(one) }, one.title)),
      ),
    ),
  ];
  return h(
    "section",
    { className: "examples", "aria-label": "Examples" },
    h("div", { className: "graphiql-doc-explorer-title" }, "Examples"),
    h("p", null, "They work on the demo, and open in a tab of their own."),
    list(
      "Read",
      examples.filter((one) => !one.writes),
    ),
    list(
      "Write",
      examples.filter((one) => one.writes),
    ),
  );
}

export const EXAMPLES_PLUGIN = { title: "Examples", icon: Icon, content: Examples };
