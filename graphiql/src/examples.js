// The examples: src/examples/NN-name.graphql, its title the first comment, its variables in NN-name.json.
const texts = import.meta.glob("./examples/*.graphql", { query: "?raw", import: "default", eager: true });
const variables = import.meta.glob("./examples/*.json", { query: "?raw", import: "default", eager: true });

export const examples = Object.entries(texts)
  .sort(([one], [other]) => one.localeCompare(other))
  .map(([path, query]) => ({
    name: path.replace("./examples/", "").replace(".graphql", ""),
    title: query.split("\n")[0].replace(/^# /, ""),
    query,
    variables: (variables[path.replace(".graphql", ".json")] ?? "").trim(),
    writes: /^mutation /m.test(query),
  }));

const FIRST = ["10-releases", "11-release", "16-viewer", "20-createRelease"];

// The first tabs: operations that work on the demo (`gql-releases demo`).
export const tabs = FIRST.map((name) => examples.find((one) => one.name === name)).map(({ query, variables }) => ({
  query,
  variables,
}));
