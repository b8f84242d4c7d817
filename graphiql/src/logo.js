// GraphiQL's name, which also sees to it that the editors follow the system from light to dark while the page is open.
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { createElement as h, useEffect } from "react";

export function Logo() {
  const { setTheme } = useGraphiQLActions();
  const theme = useGraphiQL((state) => state.theme);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => theme === null && setTheme(null);
    system.addEventListener("change", follow);
    return () => system.removeEventListener("change", follow);
  }, [theme, setTheme]);
  return h("span", { className: "graphiql-logo-link" }, "Graph", h("em", null, "i"), "QL");
}
