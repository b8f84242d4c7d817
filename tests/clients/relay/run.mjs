// Runs what relay-compiler made with relay-runtime, as react-relay's usePaginationFragment and useMutation would.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import relay from "relay-runtime";

import { headers, print, url } from "../served.mjs";

const artifact = (name) => createRequire(import.meta.url)(`./generated/${name}.graphql.js`);
const persisted = JSON.parse(readFileSync(new URL("./persisted.json", import.meta.url)));
const sent = [];

async function ask({ id, name }, variables) {
  sent.push(name);
  const body = JSON.stringify({ query: persisted[id], variables, operationName: name });
  return (await fetch(url, { method: "POST", body, headers: { ...headers, "content-type": "application/json" } })).json();
}

const environment = new relay.Environment({
  network: relay.Network.create(ask),
  store: new relay.Store(new relay.RecordSource()),
});
const run = (query, variables) => relay.fetchQuery(environment, query, variables).toPromise();
const mutate = (mutation, variables) =>
  new Promise((onCompleted, onError) => relay.commitMutation(environment, { mutation, variables, onCompleted, onError }));

const query = artifact("ReleasesQuery");
const fragment = artifact("Releases_organization");
const asked = relay.createOperationDescriptor(query, { slug: "acme", filter: { version: { startsWith: "web@" } } });
environment.retain(asked);
const { organization } = await run(query, asked.request.variables);
const selector = () => relay.getSelector(fragment, environment.lookup(asked.fragment).data.organization);
const list = () => environment.lookup(selector()).data;
const versions = () => list().releases.edges.map((edge) => edge.node?.version ?? null);

async function loadNext(count) {
  const { paginationRequest, paginationMetadata } = relay.getPaginationMetadata(fragment, "run.mjs");
  const { identifierInfo } = relay.getRefetchMetadata(fragment, "run.mjs");
  const cursor = list().releases.pageInfo.endCursor;
  const variables = relay.getPaginationVariables("forward", count, cursor, selector().variables, {}, paginationMetadata);
  variables[identifierInfo.identifierQueryVariableName] = list()[identifierInfo.identifierField];
  await run(paginationRequest, variables);
}

const found = { organization: organization.name, first: versions() };
await loadNext(2);
found.second = versions();
found.more = list().releases.pageInfo.hasNextPage;

const input = { organization: "acme", version: "web@3.0.0-relay", projects: ["web"] };
const created = await mutate(artifact("ReleasesCreateMutation"), { input, connections: [list().releases.__id] });
found.outcome = created.createRelease.outcome;
found.appended = versions();

const release = relay.getSelector(artifact("Releases_release"), list().releases.edges.at(-1).node);
const { id, versionInfo } = environment.lookup(release).data;
found.major = versionInfo.version.major;
found.deleted = (await mutate(artifact("ReleasesDeleteMutation"), { input: { release: { id } } })).deleteRelease.deletedReleaseId === id;
found.left = versions();
print({ ...found, sent });
