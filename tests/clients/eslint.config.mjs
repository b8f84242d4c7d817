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
              "DiscardedItems", // a counter: a value, the project's
              "EventException", // what an event has: values, the event's
              "EventFrame",
              "EventSdk",
              "EventTag",
              "FrameProblem",
              "Grouping", // why events are one issue: a value, the issue's
              "IssueRelease", // a counter of an issue in a release and environment, which have ids
              "IssueResolution", // what an issue is resolved in: a value, the issue's
              "JavaFrame",
              "NativeFrame",
              "NativeProblem",
              "NativeSymbolication",
              "PageInfo", // Relay says what it has: no id
              "ProjectStats", // counters: a value, the project's
              "RefusedRelease", // a name that no release has
              "ReleaseArtifacts", // totals of a version's files: a value, the release's
              "ReleaseComparison", // what lies between two releases, which have ids
              "ReleaseHealth", // counters of sessions: a value, the release's
              "ReleaseIssue", // a counter of an issue in a release, which have ids
              "StackFrame",
              "SuspectCommit", // why a commit is suspect of an issue: both have ids
              "SuspectReason",
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
      // Event.eventId is the id that SDKs give an event and show to users, beside its global id.
      "@graphql-eslint/no-typename-prefix": "off",
      // Lists of other things than edges are allowed: `nodes` of a connection, userErrors, scopes, Query.nodes.
      "@graphql-eslint/relay-edge-types": [
        "error",
        // Files in a bundle and its associations are lists of values, which are no nodes.
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
    },
  },
];
