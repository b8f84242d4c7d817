// The tabs that GraphiQL keeps in the browser's store from one visit to the next.
const KEY = "graphiql:tabState";

// Returns the tab that was active at the last visit, or `fallback` on a first visit. A store that cannot be read is emptied.
export function activeTab(fallback) {
  try {
    const stored = localStorage.getItem(KEY);
    if (stored === null) {
      return fallback;
    }
    const { tabs, activeTabIndex } = JSON.parse(stored);
    const { query, variables } = tabs[activeTabIndex];
    return { query: query ?? "", variables: variables ?? "" };
  } catch {
    localStorage.removeItem(KEY);
    return fallback;
  }
}
