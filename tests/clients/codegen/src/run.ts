// A page's code, typed by what graphql-codegen made of the schema: run.js URL TOKEN prints what the server answers.
import { graphql, useFragment } from "./generated";
import type { TypedDocumentString } from "./generated/graphql";
import persisted from "./generated/persisted-documents.json";

declare const process: { argv: string[] };
const [url = "", token = ""] = process.argv.slice(2);

const ROW = graphql(`
  fragment Row on Release {
    version
    status
    dateReleased
    versionInfo {
      version {
        major
      }
    }
  }
`);
const RELEASES = graphql(`
  query Releases($organization: String!, $first: Int = 2, $filter: ReleaseFilter, $orderBy: ReleaseOrder) {
    organization(slug: $organization) {
      releases(first: $first, filter: $filter, orderBy: $orderBy) {
        totalCount
        nodes {
          ...Row
        }
      }
    }
  }
`);
const CREATE = graphql(`
  mutation Create($input: CreateReleaseInput!) {
    createRelease(input: $input) {
      outcome
      release {
        ...Row
      }
      userErrors {
        code
        field
      }
    }
  }
`);
const RELEASE = graphql(`
  query Release($by: ReleaseBy!) {
    release(by: $by) {
      version
    }
  }
`);

async function send<Data>(query: string, variables: unknown): Promise<Data> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = (await answer.json()) as { data: Data; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

function run<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
  return send(document.toString(), variables);
}

// What the compiler has to refuse; it complains of an expected error that is not there.
export const refused = [
  // @ts-expect-error organization must be given
  () => run(RELEASES, {}),
  // @ts-expect-error a version is a string
  () => run(CREATE, { input: { organization: "acme", version: 1, projects: ["web"] } }),
  // @ts-expect-error no such status
  () => run(RELEASES, { organization: "acme", filter: { status: "LOST" } }),
  // @ts-expect-error one of id and key, not both
  () => run(RELEASE, { by: { id: "x", key: { organization: "acme", version: "x" } } }),
];

async function main() {
  const input = { organization: "acme", version: "web@3.0.0-codegen", projects: ["web"] };
  const created = (await run(CREATE, { input })).createRelease;
  const release = useFragment(ROW, created?.release);
  const major: number | null | undefined = release?.versionInfo?.version.major;
  const released: string | null | undefined = release?.dateReleased;

  const hash = RELEASES.__meta__?.["hash"] as keyof typeof persisted;
  const variables: Parameters<typeof run<unknown, { organization: string }>>[1] = { organization: "acme" };
  const text = { whole: await run(RELEASES, variables), stored: await send(persisted[hash], variables) };
  const key = { organization: "acme", version: input.version };
  const found = (await run(RELEASE, { by: { key } })).release?.version;
  const listed = useFragment(ROW, text.whole.organization?.releases?.nodes)?.map((row) => row.version);
  console.log(JSON.stringify({ outcome: created?.outcome, major, released, listed, found, text }));
}

void main();
