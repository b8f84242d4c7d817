// What graphql-codegen is told: the client preset with every scalar named, and persisted documents.
export default {
  schema: "../schema.graphql",
  documents: ["src/*.ts"],
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { persistedDocuments: true },
      config: {
        documentMode: "string",
        strictScalars: true,
        scalars: { BigInt: "number", DateTime: "string", JSONObject: "Record<string, unknown>" },
        useTypeImports: true,
      },
    },
  },
};
