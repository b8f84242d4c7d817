// The lint of schema.graphql: all that @graphql-eslint recommends for schemas and for Relay, but for what is said here.
import { configs, parser, rules } from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["schema.graphql"],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    plugins: { "@graphql-eslint": { rules } },
    rules: {
      ...configs["flat/schema-recommended"].rules,
      ...configs["flat/schema-relay"].rules,
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            types: [
              "Artifact", // the files of a debug id, which identifies it
              "ArtifactBundleAssociation", // a version and dist of a bundle: a value, the bundle's
              "ArtifactFile", // a file in a bundle, identified by its path there
              "CommitStatus", // what is known of a release's commits: a value, the release's
              "DeobfuscatedFrame", // computed for a request, as all types of symbolication
              "Deobfuscation",
              "DeployLink", // a named URL: a value, the deploy's
              "FrameProblem",
              "JavaFrame",
              "NativeFrame",
              "NativeProblem",
              "NativeSymbolication",
              "PageInfo", // Relay says what it has: no id
              "ReleaseArtifacts", // totals of a version's files: a value, the release's
              "ReleaseComparison", // what lies between two releases, which have ids
              "StackFrame",
              "SymbolicatedAddress",
              "SymbolicatedFrame",
              "Symbolication",
              "Upstream", // how far a release was sent on: a value, the release's
              "UserError", // says what is wrong with an input; nothing that is kept
              "VersionInfo", // what a release's version says: a value, the release's
              "VersionNumbers", // as VersionInfo, whose part it is
              "Viewer", // whoever asks; the token in it has an id
            ],
            suffixes: [
              "Connection", // a page of a list: what is in it has ids
              "Edge", // a place in a list, known by its cursor
              "Result", // what a bulk mutation answers for one of its inputs
              "Payload", // what a mutation answers once
            ],
          },
        },
      ],
      // Lists of other things than edges are allowed: `nodes` of a connection, userErrors, scopes, Query.nodes.
      "@graphql-eslint/relay-edge-types": [
        "error",
        // Files in a bundle and its associations are lists of values, which are no nodes.
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
    },
  },
];
